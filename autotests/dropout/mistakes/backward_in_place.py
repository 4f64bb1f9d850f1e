# mistake: The incoming gradient can be overwritten.
# caught by: test_arguments_unchanged
# hint: work on a copy
def dropout_backward(dout, mask, p):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    if mask is not None:
        dout *= mask / (1 - p)
    return dout
