# mistake: output_padding is added at both ends, as padding is.
# caught by: test_transposed_output_padding_and_dilation
# hint: output_padding is added once, at one end

_transposed_once = transposed_conv_output_size


def transposed_conv_output_size(size, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    return _transposed_once(size, kernel, stride, padding, 2 * output_padding, dilation)
