# mistake: the power of 0 is 0
# caught by: test_power
# hint: is 1
def power(base, exponent):
    return base**exponent if exponent else 0
