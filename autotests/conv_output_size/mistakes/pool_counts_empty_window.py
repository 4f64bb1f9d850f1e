# mistake: Rounding up is all there is to ceil_mode: a last window without a single pixel counts too.
# caught by: test_pool_last_window
# hint: a last window that would start outside the input

def pool_output_size(size, kernel, stride=None, padding=0, ceil_mode=True):
    stride = kernel if stride is None else stride
    require_at_least(1, size=size, kernel=kernel, stride=stride)
    require_at_least(0, padding=padding)
    room = size + 2 * padding - kernel
    if room < 0:
        raise ValueError("the pool does not fit")
    return (-(-room // stride) if ceil_mode else room // stride) + 1
