# mistake: Padding may eat up the whole output of a transposed convolution and nobody complains.
# caught by: test_transposed_errors, test_stack_errors
# hint: an output size below 1 is a ValueError

def transposed_conv_output_size(size, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    require_at_least(1, size=size, kernel=kernel, stride=stride, dilation=dilation)
    require_at_least(0, padding=padding, output_padding=output_padding)
    return (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1
