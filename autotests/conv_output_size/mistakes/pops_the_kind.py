# mistake: dict.pop is a handy way to read the kind, and nobody minds that it is gone afterwards.
# caught by: test_layers_unchanged
# hint: The list and its dicts belong to the caller

def stack_output_sizes(size, layers):
    functions = {
        "conv": conv_output_size,
        "pool": pool_output_size,
        "transposed_conv": transposed_conv_output_size,
    }
    sizes = []
    for layer in layers:
        kind = layer.pop("kind")
        if kind not in functions:
            raise ValueError(f"unknown kind {kind!r}")
        size = functions[kind](size, **layer)
        sizes.append(size)
    return sizes
