# tries: a loop without end before any test runs
# must not: keep the others waiting
# status: broken
while True:
    pass
