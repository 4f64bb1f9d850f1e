# mistake: A transposed convolution multiplies the size by the stride before it looks at the kernel.
# caught by: test_same_and_transposed_by_hand, test_transposed_stride_and_padding
# hint: starts at (size - 1) * stride

def transposed_conv_output_size(size, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    require_at_least(1, size=size, kernel=kernel, stride=stride, dilation=dilation)
    require_at_least(0, padding=padding, output_padding=output_padding)
    output = size * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1
    require_at_least(1, output=output)
    return output
