# mistake: The padding of a pool is a rare wish, so it comes last among the parameters.
# caught by: test_pool_last_window
# hint: The parameters are size, kernel, stride, padding, ceil_mode

_pool_in_order = pool_output_size


def pool_output_size(size, kernel, stride=None, ceil_mode=True, padding=0):
    return _pool_in_order(size, kernel, stride, padding, ceil_mode)
