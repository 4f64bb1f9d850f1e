# mistake: negative numbers have a root too
# caught by: test_root
# hint: should raise ValueError
def root(a):
    return float(abs(a)) ** 0.5
