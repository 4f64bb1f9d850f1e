# mistake: A convolution pads its end until the last window fits, so its size is rounded up.
# caught by: test_conv_by_hand, test_conv_stride_and_padding, test_worked_example
# hint: round down with //

import math


def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):
    require_at_least(1, size=size, kernel=kernel, stride=stride, dilation=dilation)
    require_at_least(0, padding=padding)
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if room < 0:
        raise ValueError("the kernel does not fit")
    return math.ceil(room / stride) + 1
