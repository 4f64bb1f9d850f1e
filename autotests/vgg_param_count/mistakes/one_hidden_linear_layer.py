# mistake: The classifier is one layer of 4096 and the classes.
# caught by: test_count_own_networks, test_published_totals
# hint: linear layers 4096, 4096 and num_classes

def vgg_param_count(config, num_classes=1000, in_channels=3, image_size=224, bias=True):
    channels, size, total = in_channels, image_size, 0
    for entry in read_config(config):
        if entry == "M":
            size = pooled(size)
        else:
            out_channels, kernel_size = entry
            total += conv_params(channels, out_channels, kernel_size, bias)
            channels = out_channels
    features = channels * size * size
    for out_features in (4096, num_classes):
        total += linear_params(features, out_features, bias)
        features = out_features
    return total
