# mistake: Receptive fields simply add up: each layer contributes kernel - 1 pixels, wherever it stands.
# caught by: test_receptive_field_strides
# hint: A layer's stride spreads the layers after it

_field_with_strides = receptive_field


def receptive_field(layers):
    _field_with_strides(layers)
    return 1 + sum((layer["kernel"] - 1) * layer.get("dilation", 1) for layer in layers)
