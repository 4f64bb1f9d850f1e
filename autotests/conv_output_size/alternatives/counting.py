# Counts positions with range objects instead of evaluating formulas; generators for the stack.


def _positive(*numbers):
    if any(number < 1 for number in numbers):
        raise ValueError("sizes, kernels, strides and dilations start at 1")


def _not_negative(*numbers):
    if any(number < 0 for number in numbers):
        raise ValueError("paddings start at 0")


def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):
    _positive(size, kernel, stride, dilation)
    _not_negative(padding)
    starts = range(-padding, size + padding - dilation * (kernel - 1), stride)
    if not starts:
        raise ValueError("not even one window fits")
    return len(starts)


def pool_output_size(size, kernel, stride=None, padding=0, ceil_mode=True):
    stride = stride if stride is not None else kernel
    _positive(size, kernel, stride)
    _not_negative(padding)
    full = range(-padding, size + padding - kernel + 1, stride)
    if not full:
        raise ValueError("not even one window fits")
    next_start = full[-1] + stride
    reached = full[-1] + kernel
    overhang = ceil_mode and reached < size + padding and next_start < size
    return len(full) + (1 if overhang else 0)


def same_output_size(size, stride=1):
    _positive(size, stride)
    return len(range(0, size, stride))


def transposed_conv_output_size(size, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    _positive(size, kernel, stride, dilation)
    _not_negative(padding, output_padding)
    stamps = [start + tap * dilation for start in range(0, size * stride, stride) for tap in range(kernel)]
    kept = range(padding, max(stamps) + 1 - padding + output_padding)
    if not kept:
        raise ValueError("nothing is left of the output")
    return len(kept)


def _walk(size, layers):
    for layer in layers:
        arguments = dict(layer)
        kind = arguments.pop("kind")
        if kind == "conv":
            size = conv_output_size(size, **arguments)
        elif kind == "pool":
            size = pool_output_size(size, **arguments)
        elif kind == "transposed_conv":
            size = transposed_conv_output_size(size, **arguments)
        else:
            raise ValueError(kind)
        yield size


def stack_output_sizes(size, layers):
    return list(_walk(size, layers))


def receptive_field(layers):
    """Follow the first and the last pixel that unit 0 sees, from the output back to the input."""
    first, last = 0, 0
    for layer in reversed(layers):
        if layer["kind"] == "conv":
            stride = layer.get("stride", 1)
        elif layer["kind"] == "pool":
            stride = layer.get("stride")
            stride = layer["kernel"] if stride is None else stride
        else:
            raise ValueError(layer["kind"])
        _positive(layer["kernel"], stride, layer.get("dilation", 1))
        _not_negative(layer.get("padding", 0))
        first, last = first * stride, last * stride + (layer["kernel"] - 1) * layer.get("dilation", 1)
    return last - first + 1
