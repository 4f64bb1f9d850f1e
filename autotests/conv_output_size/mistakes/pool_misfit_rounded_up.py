# mistake: A pool larger than its input is harmless because rounding up leaves one window.
# caught by: test_pool_errors, test_stack_errors
# hint: the kernel must fit into the padded input, also when rounding up

def pool_output_size(size, kernel, stride=None, padding=0, ceil_mode=True):
    stride = kernel if stride is None else stride
    require_at_least(1, size=size, kernel=kernel, stride=stride)
    require_at_least(0, padding=padding)
    room = size + 2 * padding - kernel
    if not ceil_mode:
        if room < 0:
            raise ValueError("the pool does not fit")
        return room // stride + 1
    windows = max(1, -(-room // stride) + 1)
    return windows - 1 if (windows - 1) * stride >= size + padding else windows
