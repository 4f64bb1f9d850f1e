# mistake: The convolutions are numbered through the whole network.
# caught by: test_small_table, test_table_names
# hint: blocks and the convolutions of a block count from 1

def vgg_param_table(config, num_classes=1000, in_channels=3, image_size=224):
    channels, size = in_channels, image_size
    block, number = 1, 1
    table = []
    for entry in read_config(config):
        if entry == "M":
            size = pooled(size)
            table.append((f"block{block}_pool", (channels, size, size), 0))
            block += 1
        else:
            out_channels, kernel_size = entry
            parameters = conv_params(channels, out_channels, kernel_size)
            table.append((f"block{block}_conv{number}", (out_channels, size, size), parameters))
            channels, number = out_channels, number + 1
    features = channels * size * size
    table.append(("flatten", (features,), 0))
    for name, out_features in (("fc1", 4096), ("fc2", 4096), ("predictions", num_classes)):
        table.append((name, (out_features,), linear_params(features, out_features)))
        features = out_features
    return table
