# mistake: A dilated convolution has no more taps, so it sees no more pixels.
# caught by: test_receptive_field_dilation
# hint: dilation times as far apart

_field_with_dilation = receptive_field


def receptive_field(layers):
    _field_with_dilation(layers)
    return _field_with_dilation([{**layer, "dilation": 1} for layer in layers])
