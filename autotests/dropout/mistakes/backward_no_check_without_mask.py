# mistake: Without a mask p is not used, so it needs no check.
# caught by: test_functions_check_p
# hint: with mask=None too
def dropout_backward(dout, mask, p):
    if mask is None:
        return dout.copy()
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return dout * mask / (1 - p)
