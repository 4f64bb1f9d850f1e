# mistake: A transposed convolution widens the receptive field as a convolution does.
# caught by: test_receptive_field_errors
# hint: receptive_field knows conv and pool only

_field_of_known = receptive_field


def receptive_field(layers):
    kinds = {"transposed_conv": "conv"}
    return _field_of_known([{**layer, "kind": kinds.get(layer["kind"], layer["kind"])} for layer in layers])
