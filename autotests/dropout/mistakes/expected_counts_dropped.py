# mistake: The active units are those that p names.
# caught by: test_expected_active_example, test_expected_active_values
# hint: probability that one is kept
def expected_active(n, p):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return n * p
