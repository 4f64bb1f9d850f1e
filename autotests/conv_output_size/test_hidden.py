"""Hidden suite of conv_output_size.

No expectation uses the formulas of the assignment: windows are laid one after the other and counted.
"""

import pytest

from grader.testing import assert_int, assert_raises_value_error, unchanged, unpack


def count_conv(size, kernel, stride=1, padding=0, dilation=1):
    """Lay windows over the padded input, tap by tap, and count those that lie inside it."""
    pixels = range(-padding, size + padding)
    windows = ([start + tap * dilation for tap in range(kernel)] for start in pixels[::stride])
    return sum(all(pixel in pixels for pixel in window) for window in windows)


def count_pool(size, kernel, stride=None, padding=0, ceil_mode=True):
    """Lay windows until one reaches the end of the padded input."""
    stride = kernel if stride is None else stride
    end = size + padding  # first pixel behind the padded input
    count, start = 0, -padding
    while start + kernel <= end:
        count, start = count + 1, start + stride
    covered = start - stride + kernel >= end  # the last full window reaches the end: nothing is left to round up
    overhanging = ceil_mode and not covered and start < size
    return count + overhanging


def count_transposed(size, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """Stamp the kernel once per input pixel, crop both ends, extend one."""
    stamped = {pixel * stride + tap * dilation for pixel in range(size) for tap in range(kernel)}
    return len(range(min(stamped), max(stamped) + 1)[padding:]) - padding + output_padding


def count_field(layers):
    """Follow the pixels that one output unit sees back to the input."""
    seen = {0}
    for layer in reversed(layers):
        default_stride = layer["kernel"] if layer["kind"] == "pool" else 1
        stride = layer.get("stride") or default_stride
        seen = {unit * stride + tap * layer.get("dilation", 1) for unit in seen for tap in range(layer["kernel"])}
    return max(seen) - min(seen) + 1


def integers(rng, *bounds):
    """Draw one Python int per (low, high), both included."""
    return [int(rng.integers(low, high + 1)) for low, high in bounds]


# ---------------------------------------------------------------------------------------------- convolution


@pytest.mark.points(
    2,
    title="Convolution: stride and padding",
    hint="Padding lies on both ends; divide what is left beyond the first window by the stride, round down with //, "
    "and count the first window too.",
)
def test_conv_stride_and_padding(submission, rng):
    for _ in range(8):
        kernel, stride, padding, windows = integers(rng, (2, 7), (2, 5), (1, 3), (2, 12))
        left_over = int(rng.integers(1, stride))  # pixels that no window reaches, so rounding matters
        size = (windows - 1) * stride + kernel + left_over - 2 * padding
        if size < 1:
            size += 4 * stride
        expected = count_conv(size, kernel, stride, padding)
        named = submission.conv_output_size(size=size, kernel=kernel, stride=stride, padding=padding)
        assert_int(named, expected, what="conv_output_size")
        assert_int(submission.conv_output_size(size, kernel, stride, padding), expected, what="conv_output_size")
    size, kernel, padding = integers(rng, (20, 60), (4, 9), (1, 2))
    plain = submission.conv_output_size(size, kernel)
    assert_int(plain, count_conv(size, kernel), what="conv_output_size with its defaults")
    padded = submission.conv_output_size(size, kernel, padding=padding)
    assert_int(padded, count_conv(size, kernel, padding=padding), what="conv_output_size with a padding alone")


@pytest.mark.points(
    1,
    title="Convolution: dilation",
    hint="A dilated window reaches over dilation * (kernel - 1) + 1 pixels.",
    needs=("test_conv_stride_and_padding",),
)
def test_conv_dilation(submission, rng):
    for _ in range(6):
        size, kernel, stride, padding, dilation = integers(rng, (40, 90), (2, 6), (1, 2), (0, 3), (2, 5))
        expected = count_conv(size, kernel, stride, padding, dilation)
        actual = submission.conv_output_size(size, kernel, stride=stride, padding=padding, dilation=dilation)
        assert_int(actual, expected, what="conv_output_size with a dilation")
    single_tap = submission.conv_output_size(12, 1, stride=5, dilation=4)
    assert_int(single_tap, count_conv(12, 1, 5, 0, 4), what="conv_output_size with one tap and a dilation")
    positional = submission.conv_output_size(30, 3, 2, 3, 3)
    assert_int(positional, count_conv(30, 3, 2, 3, 3), what="conv_output_size with five positional arguments")


@pytest.mark.points(
    1,
    title="Convolution: impossible arguments",
    hint="Sizes, kernels, strides and dilations start at 1 and paddings at 0, and the dilated kernel must fit into the "
    "padded input; otherwise raise ValueError.",
    needs=("test_conv_stride_and_padding", "test_conv_dilation"),
)
def test_conv_errors(submission):
    f = submission.conv_output_size
    assert_int(f(9, 9), 1, what="conv_output_size with a kernel that just fits")
    assert_int(f(3, 7, padding=2), 1, what="conv_output_size with a kernel that just fits with its padding")
    assert_int(f(11, 3, dilation=5), 1, what="conv_output_size with a dilated kernel that just fits")
    for bad in (0, -3):
        assert_raises_value_error(f, bad, 1, padding=5, what="conv_output_size with a size below 1")
        assert_raises_value_error(f, 9, bad, what="conv_output_size with a kernel below 1")
        assert_raises_value_error(f, 9, 3, stride=bad, what="conv_output_size with a stride below 1")
        assert_raises_value_error(f, 9, 3, dilation=bad, what="conv_output_size with a dilation below 1")
    assert_raises_value_error(f, 9, 3, padding=-1, what="conv_output_size with a negative padding")
    assert_raises_value_error(f, 9, 10, what="conv_output_size with a kernel longer than the input")
    assert_raises_value_error(f, 9, 20, stride=4, what="conv_output_size with a kernel longer than the input")
    assert_raises_value_error(f, 3, 8, padding=2, what="conv_output_size with a kernel longer than the padded input")
    assert_raises_value_error(f, 10, 3, dilation=5, what="conv_output_size with a dilated kernel that does not fit")


# ------------------------------------------------------------------------------------------------- pooling


@pytest.mark.points(
    1,
    title="Pool: stride given, rounded up or down",
    hint="ceil_mode chooses between rounding up and rounding down, and nothing else.",
)
def test_pool_explicit_stride(submission, rng):
    for _ in range(6):
        stride, windows, extra = integers(rng, (2, 4), (2, 10), (0, 3))
        kernel = stride + extra
        size = (windows - 1) * stride + kernel + int(rng.integers(1, stride))  # one overhanging window holds pixels
        for ceil_mode in (True, False):
            actual = submission.pool_output_size(size=size, kernel=kernel, stride=stride, ceil_mode=ceil_mode)
            assert_int(actual, count_pool(size, kernel, stride, 0, ceil_mode), what="pool_output_size")
    size, kernel = integers(rng, (20, 40), (2, 5))
    overlapping = submission.pool_output_size(size, kernel, 1)
    assert_int(overlapping, count_pool(size, kernel, 1), what="pool_output_size with stride 1")


@pytest.mark.points(
    1,
    title="Pool: defaults",
    hint="Without a stride the stride is the kernel, and the size is rounded up unless ceil_mode=False.",
    needs=("test_pool_explicit_stride",),
)
def test_pool_defaults(submission, rng):
    for _ in range(5):
        kernel, windows = integers(rng, (2, 5), (2, 9))
        size = windows * kernel + int(rng.integers(1, kernel))
        assert_int(submission.pool_output_size(size, kernel), count_pool(size, kernel), what="pool_output_size")
        down = submission.pool_output_size(size, kernel, None, 0, False)
        assert_int(down, count_pool(size, kernel, ceil_mode=False), what="pool_output_size rounded down")
        exact = submission.pool_output_size(windows * kernel, kernel)
        assert_int(exact, windows, what="pool_output_size where the windows fill the input exactly")
        half = kernel // 2
        padded = submission.pool_output_size(windows * kernel - 2 * half, kernel, padding=half)
        assert_int(padded, windows, what="pool_output_size where the windows fill the padded input exactly")


@pytest.mark.points(
    1,
    title="Pool: the last window",
    hint="When rounding up, a last window that would start outside the input and its left padding does not count. "
    "The parameters are size, kernel, stride, padding, ceil_mode, in this order.",
    needs=("test_pool_explicit_stride", "test_pool_defaults"),
)
def test_pool_last_window(submission, rng):
    for _ in range(4):
        kernel, windows = integers(rng, (2, 6), (2, 8))
        padding = int(rng.integers(1, kernel // 2 + 1))
        # One window more would start in the right padding (the largest size that has this many), or just inside.
        size = windows * kernel - padding
        for pixels in (size, size + 1):
            actual = submission.pool_output_size(pixels, kernel, padding=padding)
            assert_int(actual, count_pool(pixels, kernel, None, padding), what="pool_output_size near its last window")
        stride = kernel + int(rng.integers(2, 5))  # gaps between the windows
        size = windows * stride
        for pixels in (size - 1, size, size + 1):
            actual = submission.pool_output_size(pixels, kernel, stride)
            assert_int(actual, count_pool(pixels, kernel, stride), what="pool_output_size with gaps between windows")
    down = submission.pool_output_size(8, 2, stride=4, padding=1, ceil_mode=False)
    assert_int(down, count_pool(8, 2, 4, 1, False), what="pool_output_size rounded down")
    for arguments in ((23, 4, 3, 2, True), (23, 4, 3, 2, False), (20, 5, 2, 1, False)):
        positional = submission.pool_output_size(*arguments)
        assert_int(positional, count_pool(*arguments), what="pool_output_size with five positional arguments")


@pytest.mark.points(
    1,
    title="Pool: impossible arguments",
    hint="Size, kernel and stride start at 1 and paddings at 0, and the kernel must fit into the padded input, also "
    "when rounding up; otherwise raise ValueError.",
    needs=("test_pool_explicit_stride", "test_pool_defaults"),
)
def test_pool_errors(submission):
    f = submission.pool_output_size
    assert_int(f(6, 6), 1, what="pool_output_size with a kernel that just fits")
    assert_int(f(4, 6, padding=1), 1, what="pool_output_size with a kernel that just fits with its padding")
    for bad in (0, -2):
        assert_raises_value_error(f, bad, 2, padding=1, what="pool_output_size with a size below 1")
        assert_raises_value_error(f, 6, bad, what="pool_output_size with a kernel below 1")
        assert_raises_value_error(f, 6, 2, stride=bad, what="pool_output_size with a stride below 1")
    assert_raises_value_error(f, 6, 2, padding=-1, what="pool_output_size with a negative padding")
    for ceil_mode in (True, False):
        what = "pool_output_size with a kernel longer than the input"
        assert_raises_value_error(f, 6, 7, ceil_mode=ceil_mode, what=what)
        assert_raises_value_error(f, 6, 9, stride=3, padding=1, ceil_mode=ceil_mode, what=what)


# --------------------------------------------------------------------------------------------- SAME padding


@pytest.mark.points(
    1,
    title="SAME padding",
    hint="One window per stride step that begins inside the input: size / stride, rounded up.",
)
def test_same_output_size(submission, rng):
    for _ in range(6):
        stride, steps = integers(rng, (2, 6), (2, 20))
        size = steps * stride + int(rng.integers(1, stride))
        assert_int(submission.same_output_size(size, stride), len(range(0, size, stride)), what="same_output_size")
        exact = submission.same_output_size(size=steps * stride, stride=stride)
        assert_int(exact, steps, what="same_output_size where the stride divides the size")
    assert_int(submission.same_output_size(13), 13, what="same_output_size with stride 1")
    assert_int(submission.same_output_size(3, 8), 1, what="same_output_size with a stride above the size")


@pytest.mark.points(
    0.5,
    title="SAME padding: impossible arguments",
    hint="A size or a stride below 1 is a ValueError.",
    needs=("test_same_output_size",),
)
def test_same_errors(submission):
    f = submission.same_output_size
    assert_int(f(9, 2), 5, what="same_output_size")
    for bad in (0, -4):
        assert_raises_value_error(f, bad, 2, what="same_output_size with a size below 1")
        assert_raises_value_error(f, 9, bad, what="same_output_size with a stride below 1")


# ----------------------------------------------------------------------------------- transposed convolution


@pytest.mark.points(
    1,
    title="Transposed convolution: stride and padding",
    hint="The last of the size stamps starts at (size - 1) * stride; padding cuts pixels off both ends.",
)
def test_transposed_stride_and_padding(submission, rng):
    for _ in range(8):
        size, kernel, stride, padding = integers(rng, (5, 20), (2, 6), (2, 4), (1, 2))
        expected = count_transposed(size, kernel, stride, padding)
        actual = submission.transposed_conv_output_size(size=size, kernel=kernel, stride=stride, padding=padding)
        assert_int(actual, expected, what="transposed_conv_output_size")
        again = submission.transposed_conv_output_size(size, kernel, stride, padding)
        assert_int(again, expected, what="transposed_conv_output_size with positional arguments")
    plain = submission.transposed_conv_output_size(8, 4)
    assert_int(plain, count_transposed(8, 4), what="transposed_conv_output_size with its defaults")


@pytest.mark.points(
    1,
    title="Transposed convolution: output padding and dilation",
    hint="output_padding is added once, at one end; a dilated stamp covers dilation * (kernel - 1) + 1 pixels.",
    needs=("test_transposed_stride_and_padding",),
)
def test_transposed_output_padding_and_dilation(submission, rng):
    f = submission.transposed_conv_output_size
    for _ in range(5):
        size, kernel, stride, padding, dilation = integers(rng, (5, 20), (2, 5), (3, 5), (0, 2), (2, 4))
        extra = int(rng.integers(1, stride))
        assert_int(
            f(size, kernel, stride=stride, padding=padding, output_padding=extra),
            count_transposed(size, kernel, stride, padding, extra),
            what="transposed_conv_output_size with an output padding",
        )
        assert_int(
            f(size, kernel, stride=stride, padding=padding, dilation=dilation),
            count_transposed(size, kernel, stride, padding, 0, dilation),
            what="transposed_conv_output_size with a dilation",
        )
        assert_int(
            f(size, kernel, stride, padding, extra, dilation),
            count_transposed(size, kernel, stride, padding, extra, dilation),
            what="transposed_conv_output_size with six positional arguments",
        )


@pytest.mark.points(
    1,
    title="Transposed convolution: impossible arguments",
    hint="Besides arguments that are too small, an output size below 1 is a ValueError.",
    needs=("test_transposed_stride_and_padding", "test_transposed_output_padding_and_dilation"),
)
def test_transposed_errors(submission):
    f = submission.transposed_conv_output_size
    assert_int(f(3, 3, padding=2), 1, what="transposed_conv_output_size where one pixel is left")
    assert_int(f(2, 5, stride=2, padding=2, output_padding=1), 4, what="transposed_conv_output_size")
    for bad in (0, -1):
        assert_raises_value_error(f, bad, 5, what="transposed_conv_output_size with a size below 1")
        assert_raises_value_error(f, 6, bad, stride=3, what="transposed_conv_output_size with a kernel below 1")
        assert_raises_value_error(f, 6, 5, stride=bad, what="transposed_conv_output_size with a stride below 1")
        assert_raises_value_error(f, 6, 5, dilation=bad, what="transposed_conv_output_size with a dilation below 1")
    assert_raises_value_error(f, 6, 5, padding=-1, what="transposed_conv_output_size with a negative padding")
    what = "transposed_conv_output_size with a negative output padding"
    assert_raises_value_error(f, 6, 5, stride=2, output_padding=-1, what=what)
    assert_raises_value_error(f, 2, 3, padding=2, what="transposed_conv_output_size with an output of 0")
    assert_raises_value_error(f, 1, 3, padding=3, what="transposed_conv_output_size with an output below 0")


# --------------------------------------------------------------------------------------------------- stacks

SIZE_TESTS = (
    "test_conv_stride_and_padding",
    "test_conv_dilation",
    "test_pool_explicit_stride",
    "test_pool_defaults",
    "test_transposed_stride_and_padding",
    "test_transposed_output_padding_and_dilation",
)


def make_stack(k1, k2, k3, s1, op):
    """A stack in which every kind and every keyword occurs, also left out; every layer fits from 60 pixels on."""
    return [
        {"kind": "conv", "kernel": k1, "stride": s1, "padding": 1},
        {"kind": "pool", "kernel": k2},
        {"kind": "transposed_conv", "kernel": k3, "stride": 2, "padding": 1, "output_padding": op},
        {"kind": "conv", "kernel": 2, "dilation": 2},
        {"kind": "transposed_conv", "kernel": 3, "stride": 3, "dilation": 2},
        {"kind": "pool", "kernel": 3, "stride": 2, "padding": 1, "ceil_mode": False},
    ]


def fixed_stacks():
    """Two stacks that together tell every wrong size function from a right one for an input of 60 pixels."""
    return [make_stack(3, 3, 5, 3, 1), make_stack(4, 4, 5, 2, 1)]


def check_stack(submission, size, layers):
    """Assert that ``stack_output_sizes`` follows ``size`` through the layers."""
    count = {"conv": count_conv, "pool": count_pool, "transposed_conv": count_transposed}
    kinds, expected = [layer["kind"] for layer in layers], [size]
    for layer in layers:
        arguments = {key: value for key, value in layer.items() if key != "kind"}
        expected.append(count[layer["kind"]](expected[-1], **arguments))
    sizes = unpack(submission.stack_output_sizes(size, layers), len(layers), what="stack_output_sizes")
    for actual, wanted, kind in zip(sizes, expected[1:], kinds, strict=True):
        assert_int(actual, wanted, what=f"the size after a layer of kind {kind}")


@pytest.mark.points(
    1.5,
    title="Stack: the size after each layer",
    hint="Return one size per layer, in order, each computed from the size before it; what a dict leaves out keeps its "
    "function's default.",
    needs=SIZE_TESTS,
)
def test_stack_sizes(submission, rng):
    for layers in fixed_stacks():
        check_stack(submission, 60, layers)
    for _ in range(3):
        layers = make_stack(*integers(rng, (3, 6), (2, 4), (4, 5), (2, 3), (0, 1)))
        check_stack(submission, int(rng.integers(60, 120)), layers)
    sizes = submission.stack_output_sizes(size=40, layers=[{"kind": "conv", "kernel": 7}])
    assert_int(unpack(sizes, 1, what="stack_output_sizes")[0], count_conv(40, 7), what="the size after one layer")


@pytest.mark.points(
    1,
    title="Stack and receptive field: your caller's layers stay as they are",
    hint="The list and its dicts belong to the caller: read them, or work on a copy.",
    needs=("test_stack_sizes", "test_receptive_field_strides"),
)
def test_layers_unchanged(submission):
    for layers in fixed_stacks():
        with unchanged(layers=layers):
            check_stack(submission, 60, layers)
    layers = [{"kind": "conv", "kernel": 5}, {"kind": "pool", "kernel": 2}, {"kind": "conv", "kernel": 3, "stride": 2}]
    with unchanged(layers=layers):
        assert_int(submission.receptive_field(layers), count_field(layers), what="receptive_field")
    shared = {"kind": "conv", "kernel": 4}
    check_stack(submission, 30, [shared, shared, shared])


@pytest.mark.points(
    1,
    title="Stack: impossible layers",
    hint="An unknown kind is a ValueError, and so is a layer anywhere in the stack that its own function refuses.",
    needs=(
        "test_stack_sizes",
        "test_conv_errors",
        "test_pool_errors",
        "test_transposed_errors",
    ),
)
def test_stack_errors(submission):
    f = submission.stack_output_sizes
    good = {"kind": "conv", "kernel": 3, "stride": 2}  # 20 pixels become 9
    check_stack(submission, 20, [dict(good), dict(good)])
    bad_layers = {
        "an unknown kind": {"kind": "dense", "kernel": 3},
        "a kernel below 1": {"kind": "conv", "kernel": 0},
        "a stride below 1": {"kind": "pool", "kernel": 2, "stride": 0},
        "a dilation below 1": {"kind": "conv", "kernel": 3, "dilation": 0},
        "a negative padding": {"kind": "pool", "kernel": 3, "padding": -1},
        "a negative output padding": {"kind": "transposed_conv", "kernel": 3, "stride": 2, "output_padding": -1},
        "a pool with a kernel below 1": {"kind": "pool", "kernel": 0, "stride": 2},
        "a convolution with a stride below 1": {"kind": "conv", "kernel": 3, "stride": 0},
        "a convolution with a negative padding": {"kind": "conv", "kernel": 3, "padding": -1},
        "a convolution that does not fit any more": {"kind": "conv", "kernel": 10},
        "a pool that does not fit any more": {"kind": "pool", "kernel": 10},
        "a transposed output below 1": {"kind": "transposed_conv", "kernel": 3, "padding": 6},
    }
    for problem, layer in bad_layers.items():
        for layers in ([dict(good), dict(layer)], [dict(good), dict(layer), dict(good)]):
            assert_raises_value_error(f, 20, layers, what=f"stack_output_sizes with {problem}")
    assert_raises_value_error(f, 0, [{"kind": "conv", "kernel": 1}], what="stack_output_sizes with a size below 1")


# ------------------------------------------------------------------------------------------ receptive field


@pytest.mark.points(
    1.5,
    title="Receptive field: strides and pools",
    hint="A layer's stride spreads the layers after it, not itself; a pool without a stride has its kernel as stride.",
)
def test_receptive_field_strides(submission, rng):
    for _ in range(5):
        k1, k2, k3, k4, s1, s2 = integers(rng, (2, 5), (2, 4), (2, 5), (2, 3), (2, 3), (2, 3))
        layers = [
            {"kind": "conv", "kernel": k1, "stride": s1, "padding": 2},
            {"kind": "pool", "kernel": k2},
            {"kind": "conv", "kernel": k3},
            {"kind": "pool", "kernel": k4 + 1, "stride": s2, "padding": 1, "ceil_mode": False},
            {"kind": "conv", "kernel": k4},
        ]
        assert_int(submission.receptive_field(layers), count_field(layers), what="receptive_field")
        assert_int(submission.receptive_field(layers=layers[2:]), count_field(layers[2:]), what="receptive_field")
    pooled = [{"kind": "pool", "kernel": 2}, {"kind": "conv", "kernel": 4, "padding": 3}]
    assert_int(submission.receptive_field(pooled), count_field(pooled), what="receptive_field")


@pytest.mark.points(
    0.5,
    title="Receptive field: nothing to widen it",
    hint='Without a layer one unit sees one pixel; {"stride": None} in the dict of a pool means the same as no stride.',
    needs=("test_receptive_field_strides",),
)
def test_receptive_field_edge_cases(submission):
    assert_int(submission.receptive_field([]), 1, what="receptive_field of no layers")
    ones = [{"kind": "conv", "kernel": 1, "stride": 3}, {"kind": "pool", "kernel": 1}]
    assert_int(submission.receptive_field(ones), 1, what="receptive_field of layers with a kernel of 1")
    pooled = [{"kind": "pool", "kernel": 3, "stride": None}, {"kind": "conv", "kernel": 2}]
    seen = submission.receptive_field(pooled)
    assert_int(seen, count_field(pooled), what="receptive_field of a pool with stride None")


@pytest.mark.points(
    0.5,
    title="Receptive field: dilation",
    hint="The taps of a dilated convolution lie dilation times as far apart.",
    needs=("test_receptive_field_strides",),
)
def test_receptive_field_dilation(submission, rng):
    for _ in range(5):
        k1, k2, d1, d2, stride = integers(rng, (2, 5), (2, 5), (2, 4), (2, 4), (2, 3))
        layers = [
            {"kind": "conv", "kernel": k1, "dilation": d1, "stride": stride},
            {"kind": "conv", "kernel": k2, "dilation": d2, "padding": d2},
        ]
        assert_int(submission.receptive_field(layers), count_field(layers), what="receptive_field with dilations")


@pytest.mark.points(
    0.5,
    title="Receptive field: impossible layers",
    hint="receptive_field knows conv and pool only, and refuses kernels, strides and dilations below 1 and negative "
    "paddings with ValueError.",
    needs=("test_receptive_field_strides",),
)
def test_receptive_field_errors(submission):
    f = submission.receptive_field
    good = {"kind": "conv", "kernel": 3, "stride": 2}
    assert_int(f([dict(good), dict(good)]), 7, what="receptive_field")
    bad_layers = {
        "an unknown kind": {"kind": "dense", "kernel": 3},
        "a transposed convolution": {"kind": "transposed_conv", "kernel": 3},
        "a kernel below 1": {"kind": "conv", "kernel": 0},
        "a stride below 1": {"kind": "pool", "kernel": 2, "stride": 0},
        "a dilation below 1": {"kind": "conv", "kernel": 3, "dilation": -1},
        "a negative padding": {"kind": "conv", "kernel": 3, "padding": -1},
        "a pool with a kernel below 1": {"kind": "pool", "kernel": 0, "stride": 2},
        "a convolution with a stride below 1": {"kind": "conv", "kernel": 3, "stride": 0},
        "a pool with a negative padding": {"kind": "pool", "kernel": 3, "padding": -1},
    }
    for problem, layer in bad_layers.items():
        for layers in ([dict(good), dict(layer)], [dict(layer), dict(good)]):
            assert_raises_value_error(f, layers, what=f"receptive_field with {problem}")
