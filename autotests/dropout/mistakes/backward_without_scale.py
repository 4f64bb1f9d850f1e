# mistake: Backwards only the mask matters; the scale was for the forward pass.
# caught by: test_backward_worked_example, test_backward_values
# hint: the scale belongs to it
def dropout_backward(dout, mask, p):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return dout.copy() if mask is None else dout * mask
