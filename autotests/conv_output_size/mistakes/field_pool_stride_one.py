# mistake: In the receptive field a pool without a stride moves by one pixel.
# caught by: test_receptive_field_strides
# hint: a pool without a stride has its kernel as stride

_field_of_layers = receptive_field


def receptive_field(layers):
    _field_of_layers(layers)
    return _field_of_layers([{**layer, "stride": layer.get("stride") or 1} for layer in layers])
