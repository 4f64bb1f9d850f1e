# mistake: A last window that hangs over the end of the input is dropped although it still holds pixels.
# caught by: test_pool_by_hand, test_pool_explicit_stride
# hint: ceil_mode chooses between rounding up and rounding down

_pool_without_rule = pool_output_size


def pool_output_size(size, kernel, stride=None, padding=0, ceil_mode=True):
    windows = _pool_without_rule(size, kernel, stride, padding, ceil_mode)
    step = kernel if stride is None else stride
    if windows > 1 and (windows - 1) * step - padding + kernel > size + padding:
        windows -= 1
    return windows
