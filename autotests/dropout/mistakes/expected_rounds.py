# mistake: Units are counted, so the mean is a whole number.
# caught by: test_expected_active_values
# hint: need not be whole
def expected_active(n, p):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return float(round(n * (1 - p)))
