# mistake: A pool rounds down unless asked to round up, as PyTorch's own default is.
# caught by: test_pool_by_hand, test_pool_defaults
# hint: rounded up unless ceil_mode=False

_pool_with_mode = pool_output_size


def pool_output_size(size, kernel, stride=None, padding=0, ceil_mode=False):
    return _pool_with_mode(size, kernel, stride, padding, ceil_mode)
