# mistake: All convolutions of VGG are 3x3, so the second entry of a pair does not matter for the count.
# caught by: test_count_kernel_sizes
# hint: A pair is (channels, kernel_size)

def vgg_param_count(config, num_classes=1000, in_channels=3, image_size=224, bias=True):
    channels, size, total = in_channels, image_size, 0
    for entry in read_config(config):
        if entry == "M":
            size = pooled(size)
        else:
            out_channels, _ = entry
            total += conv_params(channels, out_channels, 3, bias)
            channels = out_channels
    features = channels * size * size
    for out_features in (4096, 4096, num_classes):
        total += linear_params(features, out_features, bias)
        features = out_features
    return total
