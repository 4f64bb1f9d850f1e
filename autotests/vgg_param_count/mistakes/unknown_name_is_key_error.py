# mistake: Looking a name up in a dict reports an unknown one well enough.
# caught by: test_unknown_names
# hint: is a ValueError from every function

def read_config(config):
    if isinstance(config, str):
        config = VGG_CONFIGS[config]
    return [(entry, 3) if isinstance(entry, int) else entry for entry in config]
