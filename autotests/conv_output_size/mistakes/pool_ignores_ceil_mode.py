# mistake: Pools always round up; ceil_mode is accepted and forgotten.
# caught by: test_pool_by_hand, test_pool_explicit_stride
# hint: ceil_mode chooses between rounding up and rounding down

_pool_rounding_up = pool_output_size


def pool_output_size(size, kernel, stride=None, padding=0, ceil_mode=True):
    return _pool_rounding_up(size, kernel, stride, padding, True)
