# mistake: A pool has nothing to learn, so nothing can be wrong with it.
# caught by: test_receptive_field_errors
# hint: refuses kernels, strides and dilations below 1


def receptive_field(layers):
    field, spread = 1, 1
    for layer in layers:
        if layer["kind"] not in ("conv", "pool"):
            raise ValueError("the kind must be conv or pool")
        kernel, dilation = layer["kernel"], layer.get("dilation", 1)
        stride = layer.get("stride")
        if stride is None:
            stride = kernel if layer["kind"] == "pool" else 1
        if stride < 1 or (layer["kind"] == "conv" and (min(kernel, dilation) < 1 or layer.get("padding", 0) < 0)):
            raise ValueError("kernels, strides and dilations start at 1, paddings at 0")
        field += dilation * (kernel - 1) * spread
        spread *= stride
    return field
