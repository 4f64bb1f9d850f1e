# mistake: A convolution has biases, whether they are switched off or not.
# caught by: test_conv_params
# hint: unless bias=False

def conv_params(in_channels, out_channels, kernel_size=3, bias=True):
    return kernel_size**2 * in_channels * out_channels + out_channels
