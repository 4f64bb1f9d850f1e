# mistake: Halving is a division by 2, and what is left over is still a part of the image.
# caught by: test_count_own_networks, test_count_image_sizes, test_published_totals
# hint: should be an int

def vgg_param_count(config, num_classes=1000, in_channels=3, image_size=224, bias=True):
    channels, size, total = in_channels, image_size, 0
    for entry in read_config(config):
        if entry == "M":
            size = size / 2
        else:
            out_channels, kernel_size = entry
            total += conv_params(channels, out_channels, kernel_size, bias)
            channels = out_channels
    features = channels * size * size
    for out_features in (4096, 4096, num_classes):
        total += linear_params(features, out_features, bias)
        features = out_features
    return total
