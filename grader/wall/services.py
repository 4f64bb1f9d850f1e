"""Operations that the host may ask of a guest besides a plain call; each works on real objects on the guest's side."""

from __future__ import annotations

import importlib
import inspect
import sys
import warnings
from collections.abc import Callable
from typing import Any

_modes: list[Any] = []  # torch function modes that are active meanwhile
_forbidden: list[tuple[Any, str, Any]] = []  # (owner, attribute, original) of the calls that are off limits now
_INHERITED = object()  # in the place of an original: a class that had no __init__ of its own


def vjp(function: Any, args: list[Any], cotangent: Any) -> tuple[Any, Any, list[Any]]:
    """Vector-Jacobian product through a torch function or module: ``(output, argument grads, parameter grads)``."""
    torch = sys.modules["torch"]
    leaves = []

    def track(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            value = value.detach().clone()
            if value.is_floating_point():
                value.requires_grad_(True)
                leaves.append(value)
            return value
        if isinstance(value, dict):
            return {key: track(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(track(item) for item in value)
        return value

    def gradients_of(value: Any, found: dict[int, Any]) -> Any:
        if isinstance(value, torch.Tensor):
            return found.get(id(value))
        if isinstance(value, dict):
            return {key: gradients_of(item, found) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [gradients_of(item, found) for item in value]
        return None

    def regrouped(value: Any) -> Any:  # new containers, same tensors: whoever empties his dict hides no gradient
        if isinstance(value, dict):
            return {key: regrouped(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(regrouped(item) for item in value)
        return value

    tracked = [track(value) for value in args]
    parameters = list(function.parameters()) if isinstance(function, torch.nn.Module) else []
    with torch.enable_grad():
        output = function(*(regrouped(value) for value in tracked))
        if not isinstance(output, torch.Tensor):
            raise TypeError(f"the result should be a tensor, not {type(output).__name__}")
        if not output.requires_grad:
            raise RuntimeError("the result is cut off from its inputs: no gradient can flow back through it")
        wanted = leaves + [p for p in parameters if p.requires_grad]
        gradients = torch.autograd.grad(output, wanted, grad_outputs=cotangent, allow_unused=True)
    found = {id(value): gradient for value, gradient in zip(wanted, gradients, strict=True)}
    return output.detach(), [gradients_of(value, found) for value in tracked], [found.get(id(p)) for p in parameters]


def set_default_device(_submission: Any, device: str | None) -> None:
    """Make torch create tensors on ``device``; ``None`` is the CPU again."""
    sys.modules["torch"].set_default_device(device)


def manual_seed(_submission: Any, seed: int) -> None:
    """Seed torch's global generator."""
    sys.modules["torch"].manual_seed(seed)


def forbid_calls(_submission: Any, names: list[str]) -> None:
    """Replace each dotted name by a function that raises; a class by its ``__init__`` doing so."""
    for name in names:
        owner_name, _, attribute = name.rpartition(".")
        owner = _resolve(owner_name)
        target = getattr(owner, attribute)
        if isinstance(target, type):
            owner, attribute, target = target, "__init__", vars(target).get("__init__", _INHERITED)
        _forbidden.append((owner, attribute, target))
        setattr(owner, attribute, _refusal(name))
    torch = sys.modules.get("torch")
    leaves = {name.rpartition(".")[2] for name in names if name.startswith("torch.")}
    if torch is not None and leaves:
        mode = _ban_on_torch(leaves)
        mode.__enter__()
        _modes.append(mode)


def _ban_on_torch(leaves: set[str]) -> Any:
    """A mode that refuses torch functions by their own name, so also one that was bound elsewhere beforehand."""
    from torch.overrides import TorchFunctionMode

    class Ban(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = str(getattr(func, "__name__", "")).partition(".")[0]  # aten operators end in ".default"
            if name in leaves:
                _refusal(f"torch's {name}")()
            return func(*args, **(kwargs or {}))

    return Ban()


def allow_calls(_submission: Any) -> None:
    """Undo :func:`forbid_calls`."""
    while _modes:
        _modes.pop().__exit__(None, None, None)
    while _forbidden:
        owner, attribute, original = _forbidden.pop()
        if original is _INHERITED:
            delattr(owner, attribute)
        else:
            setattr(owner, attribute, original)


def call_with_warnings(function: Any, args: list[Any]) -> tuple[Any, list[str]]:
    """Call the function: ``(result, names of the categories of the warnings that it let through)``."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function(*args)
    return result, [item.category.__name__ for item in caught]


def _resolve(dotted: str) -> Any:
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for part in parts[cut:]:
            value = getattr(value, part)
        return value
    raise ImportError(dotted)


def _refusal(name: str) -> Callable[..., None]:
    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError(f"{name} is off limits in this assignment")

    return refuse


def training_log(tell: Callable[..., Any]) -> Callable[..., None]:
    """What ``train`` gets as its ``log``; it takes whatever float() takes, so that no tensor crosses the wall."""

    def number(value: Any) -> float | None:
        try:
            return None if value is None else float(value.detach() if hasattr(value, "detach") else value)
        except (TypeError, ValueError, OverflowError, RuntimeError):  # the last: a tensor of several numbers
            return None

    def log(epoch: Any = None, loss: Any = None, accuracy: Any = None, **_more: Any) -> None:
        """Tell of an epoch: its number, the loss and the accuracy on data of your own choice."""
        tell(number(epoch), number(loss), number(accuracy))

    return log


def accepts_keyword(function: Any, name: str) -> bool:
    """Whether a function can be called with this keyword."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # it has none that Python can read
        return False
    keyword = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    named = name in parameters and parameters[name].kind in keyword
    return named or any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())


SERVICES: dict[str, Callable[..., Any]] = {
    "vjp": vjp,
    "call_with_warnings": call_with_warnings,
    "set_default_device": set_default_device,
    "manual_seed": manual_seed,
    "forbid_calls": forbid_calls,
    "allow_calls": allow_calls,
    "accepts_keyword": accepts_keyword,
}
