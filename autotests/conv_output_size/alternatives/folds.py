# Functional: one formula with a rounding function as argument, folds for the stack and the receptive field.
from functools import partial, reduce
from itertools import accumulate
from math import ceil, floor, prod
from operator import add


def _check(**limits):
    wrong = [name for name, (value, least) in limits.items() if value < least]
    if wrong:
        raise ValueError(f"too small: {', '.join(wrong)}")


def _steps(rounding, size, reach, stride, padding):
    if reach > size + 2 * padding:
        raise ValueError("the window does not fit into the padded input")
    return rounding((size + 2 * padding - reach) / stride) + 1


def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):
    _check(size=(size, 1), kernel=(kernel, 1), stride=(stride, 1), dilation=(dilation, 1), padding=(padding, 0))
    return _steps(floor, size, dilation * (kernel - 1) + 1, stride, padding)


def pool_output_size(size, kernel, stride=None, padding=0, ceil_mode=True):
    if stride is None:
        return pool_output_size(size, kernel, kernel, padding, ceil_mode)
    _check(size=(size, 1), kernel=(kernel, 1), stride=(stride, 1), padding=(padding, 0))
    if not ceil_mode:
        return _steps(floor, size, kernel, stride, padding)
    # No more windows than start inside the input or its left padding.
    return min(_steps(ceil, size, kernel, stride, padding), ceil((size + padding) / stride))


def same_output_size(size, stride=1):
    _check(size=(size, 1), stride=(stride, 1))
    return ceil(size / stride)


def transposed_conv_output_size(size, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    _check(size=(size, 1), kernel=(kernel, 1), stride=(stride, 1), dilation=(dilation, 1))
    _check(padding=(padding, 0), output_padding=(output_padding, 0))
    pixels = sum([(size - 1) * stride, 1, -2 * padding, dilation * (kernel - 1), output_padding])
    _check(output=(pixels, 1))
    return pixels


def _layer(kind, **arguments):
    functions = {"conv": conv_output_size, "pool": pool_output_size, "transposed_conv": transposed_conv_output_size}
    try:
        return partial(functions[kind], **arguments)
    except KeyError:
        raise ValueError(f"no layer is called {kind!r}") from None


def stack_output_sizes(size, layers):
    functions = [_layer(**layer) for layer in layers]
    return list(accumulate(functions, lambda pixels, function: function(pixels), initial=size))[1:]


def _taps_and_stride(kind, kernel, stride=None, padding=0, dilation=1, ceil_mode=None):
    if kind not in {"conv", "pool"}:
        raise ValueError(f"{kind!r} has no receptive field here")
    stride = {"conv": 1, "pool": kernel}[kind] if stride is None else stride
    _check(kernel=(kernel, 1), stride=(stride, 1), dilation=(dilation, 1), padding=(padding, 0))
    return (kernel - 1) * dilation, stride


def receptive_field(layers):
    layers = [_taps_and_stride(**layer) for layer in layers]
    widths = (taps * prod(stride for _, stride in layers[:number]) for number, (taps, _) in enumerate(layers))
    return reduce(add, widths, 1)
