# mistake: A dilated kernel reaches over dilation * kernel pixels.
# caught by: test_conv_dilation
# hint: reaches over dilation * (kernel - 1) + 1 pixels

def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):
    require_at_least(1, size=size, kernel=kernel, stride=stride, dilation=dilation)
    require_at_least(0, padding=padding)
    room = size + 2 * padding - dilation * kernel
    if room < 0:
        raise ValueError("the kernel does not fit")
    return room // stride + 1
