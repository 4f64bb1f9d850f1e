"""Visible tests of conv_output_size: the examples of the assignment, counted by hand.

Run them with ``pytest`` in the folder of your solution. More tests, with other numbers, run when it is graded.
"""

import numpy as np
import pytest


def check_int(actual, expected, call):
    """Assert that ``actual`` is an int (Python's or NumPy's) with the expected value."""
    is_int = isinstance(actual, (int, np.integer)) and not isinstance(actual, bool)
    assert is_int, f"{call} should be an int, but it is of type {type(actual).__name__}"
    assert actual == expected, f"{call} should be {expected}, not {actual}"


@pytest.mark.points(
    1, title="Convolution: sizes counted by hand", hint="Count the positions of the window on paper first."
)
def test_conv_by_hand(submission):
    check_int(submission.conv_output_size(7, 3, stride=2), 3, "conv_output_size(7, 3, stride=2)")
    check_int(submission.conv_output_size(10, 3), 8, "conv_output_size(10, 3)")
    check_int(submission.conv_output_size(9, 5, padding=1), 7, "conv_output_size(9, 5, padding=1)")
    check_int(submission.conv_output_size(200, 5, 2, 1), 99, "conv_output_size(200, 5, 2, 1)")


@pytest.mark.points(
    1, title="Pool: sizes counted by hand", hint="Without a stride, the windows of a pool lie side by side."
)
def test_pool_by_hand(submission):
    check_int(submission.pool_output_size(8, 2), 4, "pool_output_size(8, 2)")
    check_int(submission.pool_output_size(5, 2), 3, "pool_output_size(5, 2)")
    check_int(submission.pool_output_size(5, 2, ceil_mode=False), 2, "pool_output_size(5, 2, ceil_mode=False)")
    check_int(submission.pool_output_size(99, 3, stride=1), 97, "pool_output_size(99, 3, stride=1)")


@pytest.mark.points(
    1,
    title="SAME padding and transposed convolution: sizes counted by hand",
    hint="SAME asks only for size and stride; a transposed convolution stamps its kernel once per input pixel.",
)
def test_same_and_transposed_by_hand(submission):
    check_int(submission.same_output_size(7, stride=2), 4, "same_output_size(7, stride=2)")
    call = "transposed_conv_output_size(4, 4, stride=2, padding=1)"
    check_int(submission.transposed_conv_output_size(4, 4, stride=2, padding=1), 8, call)


@pytest.mark.points(
    1,
    title="The worked example: 200 → 99 → 97 → 97",
    hint="Each layer starts from the size that the layer before it left; the input's own size is not in the list.",
    needs=("test_conv_stride_and_padding", "test_pool_explicit_stride"),
)
def test_worked_example(submission):
    layers = [
        {"kind": "conv", "kernel": 5, "stride": 2, "padding": 1},
        {"kind": "pool", "kernel": 3, "stride": 1},
        {"kind": "conv", "kernel": 3, "padding": 1},
    ]
    sizes = submission.stack_output_sizes(200, layers)
    assert isinstance(sizes, (list, tuple)), f"stack_output_sizes should return a list, not a {type(sizes).__name__}"
    assert len(sizes) == 3, f"there are 3 layers, so there should be 3 sizes, not {len(sizes)}"
    for number, (actual, expected) in enumerate(zip(sizes, [99, 97, 97], strict=True), start=1):
        check_int(actual, expected, f"the size after layer {number}")


@pytest.mark.points(
    1,
    title="Receptive field: what 3x3 convolutions see",
    hint="One layer of 3x3 sees 3 pixels; each further one adds kernel - 1 pixels.",
)
def test_receptive_field_by_hand(submission):
    layer = {"kind": "conv", "kernel": 3, "padding": 1}
    for depth, expected in [(1, 3), (2, 5), (3, 7)]:
        call = f"the receptive field of {depth} convolution(s) of 3x3"
        check_int(submission.receptive_field([dict(layer) for _ in range(depth)]), expected, call)
