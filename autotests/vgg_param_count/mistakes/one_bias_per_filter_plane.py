# mistake: Each filter has a bias for every input channel.
# caught by: test_layer_params_by_hand, test_conv_params
# hint: and out_channels biases

def conv_params(in_channels, out_channels, kernel_size=3, bias=True):
    return (kernel_size**2 + bool(bias)) * in_channels * out_channels
