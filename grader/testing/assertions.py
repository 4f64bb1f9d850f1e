"""Assertions that check type and shape before values, and fail in words that a beginner understands.

Each takes ``what``, the public name of the thing checked (``"mse_loss"``, ``"the gradient grad_w"``). The words a
student reads never hold a value of a hidden test; values go to ``WrongAnswer.detail``, shown for visible tests alone.
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np


class WrongAnswer(AssertionError):
    """A submission's answer is wrong, and this says how.

    :param public: words for the student; free of a hidden test's values.
    :param detail: the values; shown where the test itself is visible.
    """

    def __init__(self, public: str, detail: str = "") -> None:
        super().__init__(f"{public}\n{detail}" if detail else public)
        self.public = public
        self.detail = detail


def describe(value: object) -> str:
    """Name a value's type (and shape) with its article, for a sentence: ``a tuple of length 2``, ``None``."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} with shape {value.shape}"
    if isinstance(value, np.generic):
        return f"a NumPy {value.dtype} scalar"
    if isinstance(value, (tuple, list, dict, set, str, bytes)):
        return f"a {type(value).__name__} of length {len(value)}"
    if _is_tensor(value):
        return f"a tensor of {str(value.dtype).removeprefix('torch.')} with shape {tuple(value.shape)}"  # type: ignore[attr-defined]
    name = getattr(type(value), "__remote_name__", None) or _remote_type_name(value) or type(value).__name__
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"


def _remote_type_name(value: object) -> str:
    from grader.remote import remote_type_name

    return remote_type_name(value)


def _is_tensor(value: object) -> bool:
    import sys

    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _close(actual: Any, expected: Any, rtol: float, atol: float) -> bool:
    return bool(np.allclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True))


def assert_array(
    actual: object,
    expected: Any,
    *,
    what: str,
    rtol: float = 1e-7,
    atol: float = 1e-9,
    dtype: type | str | None = None,
) -> None:
    """Assert that ``actual`` is a NumPy array with the shape and the values of ``expected``.

    :param dtype: ``None`` accepts every real dtype that is not boolean where ``expected`` is real; otherwise a dtype
        (``np.float64``, ``bool``) that must match, or ``"integer"`` / ``"floating"`` for the whole kind.
    """
    expected = np.asarray(expected)
    if not isinstance(actual, np.ndarray):
        raise WrongAnswer(f"{what} should be a NumPy array of shape {expected.shape}; it is {describe(actual)}.")
    if actual.shape != expected.shape:
        raise WrongAnswer(f"{what} should have shape {expected.shape}; it has shape {actual.shape}.")
    if dtype == "integer":
        right_kind = np.issubdtype(actual.dtype, np.integer)
    elif dtype == "floating":
        right_kind = np.issubdtype(actual.dtype, np.floating)
    elif dtype is not None:
        right_kind = actual.dtype == np.dtype(dtype)
    else:
        right_kind = actual.dtype.kind in "iuf" or actual.dtype.kind == expected.dtype.kind
    if not right_kind:
        wanted = expected.dtype if dtype is None else dtype if isinstance(dtype, str) else np.dtype(dtype)
        raise WrongAnswer(f"{what} should be an array of {wanted}; it is an array of {actual.dtype}.")
    if not _close(actual, expected, rtol, atol):
        raise WrongAnswer(
            f"{what} has the right shape but not the right values.", f"expected {expected!r}\nbut got  {actual!r}"
        )


def assert_number(actual: object, expected: float, *, what: str, rtol: float = 1e-7, atol: float = 1e-9) -> None:
    """Assert that ``actual`` is a Python float (an int will do) or a NumPy real scalar of the value ``expected``."""
    is_number = isinstance(actual, (int, float, np.integer, np.floating)) and not isinstance(actual, (bool, np.bool_))
    if not is_number:
        raise WrongAnswer(f"{what} should be a float; it is {describe(actual)}.")
    if not _close(actual, expected, rtol, atol):
        nan = " (it is NaN)" if math.isnan(float(actual)) else ""  # type: ignore[arg-type]
        raise WrongAnswer(
            f"{what} is a number, but not the right one{nan}.", f"expected {expected!r}\nbut got  {actual!r}"
        )


def assert_int(actual: object, expected: int, *, what: str) -> None:
    """Assert that ``actual`` is a Python int or a NumPy integer (no bool, no float) equal to ``expected``."""
    if not isinstance(actual, (int, np.integer)) or isinstance(actual, bool):
        raise WrongAnswer(f"{what} should be an int; it is {describe(actual)}.")
    if int(actual) != int(expected):
        raise WrongAnswer(f"{what} is an int, but not the right one.", f"expected {expected!r}\nbut got  {actual!r}")


def assert_tensor(
    actual: object, expected: Any, *, what: str, rtol: float = 1e-4, atol: float = 1e-6, dtype: Any = None
) -> None:
    """Assert that ``actual`` is a torch tensor with the shape, the dtype and the values of the tensor ``expected``.

    :param dtype: a torch dtype where it differs from that of ``expected``.
    """
    import torch

    shape = tuple(expected.shape)
    if not isinstance(actual, torch.Tensor):
        raise WrongAnswer(f"{what} should be a torch tensor of shape {shape}; it is {describe(actual)}.")
    if tuple(actual.shape) != shape:
        raise WrongAnswer(f"{what} should have shape {shape}; it has shape {tuple(actual.shape)}.")
    wanted = expected.dtype if dtype is None else dtype
    if actual.dtype != wanted:
        raise WrongAnswer(f"{what} should be a tensor of {wanted}; it is a tensor of {actual.dtype}.")
    if not torch.allclose(actual.detach().double(), expected.detach().double(), rtol=rtol, atol=atol, equal_nan=True):
        raise WrongAnswer(
            f"{what} has the right shape but not the right values.", f"expected {expected!r}\nbut got  {actual!r}"
        )


def unpack(value: object, length: int, *, what: str) -> tuple[Any, ...]:
    """Return the items of a tuple or list of exactly ``length`` items."""
    if not isinstance(value, (tuple, list)):
        raise WrongAnswer(f"{what} should return a tuple of {length} values; it returned {describe(value)}.")
    if len(value) != length:
        raise WrongAnswer(f"{what} should return a tuple of {length} values; it returned {len(value)}.")
    return tuple(value)


def as_floats(value: object, length: int, *, what: str) -> np.ndarray:
    """Return a history (a list, a tuple or a 1-D array of real numbers) as a float64 array of shape ``(length,)``."""
    if isinstance(value, np.ndarray):
        if value.ndim != 1 or value.dtype.kind not in "iuf":
            raise WrongAnswer(f"{what} should be a list of numbers or a 1-D array; it is {describe(value)}.")
    elif not isinstance(value, (list, tuple)):
        raise WrongAnswer(f"{what} should be a list of numbers or a 1-D array; it is {describe(value)}.")
    else:
        for item in value:
            if not isinstance(item, (int, float, np.integer, np.floating)) or isinstance(item, bool):
                raise WrongAnswer(f"{what} should hold numbers; it holds {describe(item)}.")
    if len(value) != length:
        raise WrongAnswer(f"{what} should have {length} entries; it has {len(value)}.")
    return np.asarray(value, dtype=np.float64)


def assert_raises_value_error(function: Callable[..., Any], *args: Any, what: str, **kwargs: Any) -> None:
    """Assert that the call raises ValueError.

    :param what: what is wrong with the arguments, as a clause: ``"conv_output_size with a kernel of 0"``.
    """
    try:
        result = function(*args, **kwargs)
    except ValueError:
        return
    raise WrongAnswer(f"{what} should raise ValueError; it returned {describe(result)}.")


@contextlib.contextmanager
def unchanged(**arguments: Any) -> Iterator[None]:
    """Assert that the block leaves these arrays, tensors, lists or dicts alone: ``with unchanged(X=X, y=y): …``."""
    from grader.remote import watch_arguments

    before = {name: _copy(value) for name, value in arguments.items()}
    with watch_arguments():
        yield
    for name, value in arguments.items():
        if not _same(before[name], value):
            raise WrongAnswer(f"The argument {name} was changed by the call; work on a copy of it.")


def _copy(value: Any) -> Any:
    if _is_tensor(value):
        return value.detach().clone()
    return copy.deepcopy(value)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if _is_tensor(a):
        import torch

        return (
            a.dtype == b.dtype and a.shape == b.shape and torch.equal(torch.nan_to_num(a), torch.nan_to_num(b.detach()))
        )
    if isinstance(a, dict):
        return list(a) == list(b) and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, Sequence) and not isinstance(a, (str, bytes)):
        return type(a) is type(b) and len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)
