# mistake: Layers without parameters do not belong in the table.
# caught by: test_small_table, test_table_names
# hint: A row for every layer

_table_of_all_layers = vgg_param_table


def vgg_param_table(config, num_classes=1000, in_channels=3, image_size=224):
    return [row for row in _table_of_all_layers(config, num_classes, in_channels, image_size) if row[2]]
