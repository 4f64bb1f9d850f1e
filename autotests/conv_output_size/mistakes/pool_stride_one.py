# mistake: A pool moves by one pixel unless told otherwise, as a convolution does.
# caught by: test_pool_by_hand, test_pool_defaults
# hint: Without a stride the stride is the kernel

_pool_with_stride = pool_output_size


def pool_output_size(size, kernel, stride=None, padding=0, ceil_mode=True):
    return _pool_with_stride(size, kernel, 1 if stride is None else stride, padding, ceil_mode)
