# mistake: A 3x3 filter has three weights per channel.
# caught by: test_layer_params_by_hand, test_conv_params
# hint: kernel_size ** 2 * in_channels

def conv_params(in_channels, out_channels, kernel_size=3, bias=True):
    return kernel_size * in_channels * out_channels + (out_channels if bias else 0)
