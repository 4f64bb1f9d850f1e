# mistake: The shape in a pool's row is what goes into the pool.
# caught by: test_small_table, test_table_shapes
# hint: a pool's row has the halved size

def vgg_param_table(config, num_classes=1000, in_channels=3, image_size=224):
    channels, size = in_channels, image_size
    block, number = 1, 1
    table = []
    for entry in read_config(config):
        if entry == "M":
            table.append((f"block{block}_pool", (channels, size, size), 0))
            size = pooled(size)
            block, number = block + 1, 1
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
