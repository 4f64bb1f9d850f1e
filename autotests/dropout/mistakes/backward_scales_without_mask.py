# mistake: The gradient is always divided by 1 - p.
# caught by: test_backward_without_mask
# hint: nothing was scaled on the way forward
def dropout_backward(dout, mask, p):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    return dout / (1 - p) if mask is None else dout * mask / (1 - p)
