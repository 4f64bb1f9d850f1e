# mistake: A kernel that does not fit leaves an output of size 0 instead of being an error.
# caught by: test_conv_errors, test_stack_errors
# hint: the dilated kernel must fit into the padded input

def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):
    require_at_least(1, size=size, kernel=kernel, stride=stride, dilation=dilation)
    require_at_least(0, padding=padding)
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    return max(0, room // stride + 1)
