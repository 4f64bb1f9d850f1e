# mistake: A layer's stride spreads its own taps, so the jump is multiplied before the field grows.
# caught by: test_receptive_field_strides
# hint: spreads the layers after it, not itself

def receptive_field(layers):
    field, jump = 1, 1
    for layer in layers:
        if layer["kind"] not in ("conv", "pool"):
            raise ValueError("conv and pool only")
        kernel = layer["kernel"]
        stride = layer.get("stride")
        if stride is None:
            stride = kernel if layer["kind"] == "pool" else 1
        dilation = layer.get("dilation", 1)
        require_at_least(1, kernel=kernel, stride=stride, dilation=dilation)
        require_at_least(0, padding=layer.get("padding", 0))
        jump *= stride
        field += (kernel - 1) * dilation * jump
    return field
