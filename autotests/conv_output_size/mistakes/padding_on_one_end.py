# mistake: Padding is the number of pixels added in all, not at each end.
# caught by: test_conv_by_hand, test_conv_stride_and_padding, test_worked_example
# hint: Padding lies on both ends

def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):
    require_at_least(1, size=size, kernel=kernel, stride=stride, dilation=dilation)
    require_at_least(0, padding=padding)
    room = size + padding - dilation * (kernel - 1) - 1
    if room < 0:
        raise ValueError("the kernel does not fit")
    return room // stride + 1
