"""What autotests import. Everything here works on both sides of the wall:

with ``submission`` behind the wall (grading) and with ``submission`` as an ordinary module (plain pytest).
"""

from grader.testing.assertions import (
    WrongAnswer,
    as_floats,
    assert_array,
    assert_int,
    assert_number,
    assert_raises_value_error,
    assert_tensor,
    unchanged,
    unpack,
)
from grader.testing.probes import (
    VJP,
    call_with_warnings,
    dotted_names,
    forbid_calls,
    is_instance,
    on_device,
    seed_torch,
    vjp,
)

__all__ = [
    "VJP",
    "WrongAnswer",
    "as_floats",
    "assert_array",
    "assert_int",
    "assert_number",
    "assert_raises_value_error",
    "assert_tensor",
    "call_with_warnings",
    "dotted_names",
    "forbid_calls",
    "is_instance",
    "on_device",
    "seed_torch",
    "unchanged",
    "unpack",
    "vjp",
]
