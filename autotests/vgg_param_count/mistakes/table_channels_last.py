# mistake: Shapes are (height, width, channels), as pictures are stored on disk.
# caught by: test_small_table, test_table_shapes
# hint: (channels, height, width) after the layer

_table_channels_first = vgg_param_table


def vgg_param_table(config, num_classes=1000, in_channels=3, image_size=224):
    table = _table_channels_first(config, num_classes, in_channels, image_size)
    return [(name, (*shape[1:], shape[0]), parameters) for name, shape, parameters in table]
