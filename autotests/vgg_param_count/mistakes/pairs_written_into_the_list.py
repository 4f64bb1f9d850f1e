# mistake: The list may be tidied up in place; it means the same afterwards.
# caught by: test_configurations_unchanged
# hint: The list belongs to the caller

def read_config(config):
    if isinstance(config, str):
        if config not in VGG_CONFIGS:
            raise ValueError(f"unknown configuration {config!r}")
        config = VGG_CONFIGS[config]
    for index, entry in enumerate(config):
        if isinstance(entry, int):
            config[index] = (entry, 3)
    return config
