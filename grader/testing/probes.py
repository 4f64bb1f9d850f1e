"""Questions to a submission that a plain call cannot ask: gradients, warnings, a default device, banned calls.

Across the wall each becomes one request to the guest; beside an ordinary module the same code runs in this process.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from grader.remote import ask_service, remote_bases


class VJP(NamedTuple):
    """A vector-Jacobian product: what came out, and what flowed back."""

    output: Any  # the function's output, detached
    arguments: Any  # gradients in the structure of the positional arguments; None where there is none
    parameters: list[Any]  # gradients of the module's parameters in order; empty for a function


def vjp(function: Any, *args: Any, cotangent: Any) -> VJP:
    """Call a torch function or module with gradients switched on and pull ``cotangent`` back through it.

    Every floating tensor among the arguments, also inside dicts and lists, gets ``requires_grad``.
    :param cotangent: tensor with the output's shape.
    :raises RuntimeError: no gradient can flow through the output, as it is not part of a graph.
    :raises TypeError: the output is no tensor.
    """
    output, arguments, parameters = ask_service("vjp", function, list(args), cotangent)
    return VJP(output, arguments, parameters)


def call_with_warnings(function: Any, *args: Any) -> tuple[Any, list[str]]:
    """Call a function and return its result and the category names of the warnings that it let through.

    A function that silences a warning itself (``np.errstate``) has let none through. No warning counts as seen before:
    each call shows its own.

    >>> import numpy as np
    >>> call_with_warnings(np.exp, np.array([1000.0]))
    (array([inf]), ['RuntimeWarning'])
    """
    result, categories = ask_service("call_with_warnings", function, list(args))
    return result, categories


@contextlib.contextmanager
def on_device(submission: Any, device: str) -> Iterator[None]:
    """Inside the block the submission's torch creates tensors on ``device`` (``"meta"``: shapes without memory)."""
    ask_service("set_default_device", submission, device)
    try:
        yield
    finally:
        ask_service("set_default_device", submission, None)


def seed_torch(submission: Any, seed: int) -> None:
    """Seed the global generator of the submission's torch, so that what it draws next can be repeated."""
    ask_service("manual_seed", submission, seed)


@contextlib.contextmanager
def forbid_calls(submission: Any, *names: str) -> Iterator[None]:
    """Inside the block, calling one of these dotted names raises RuntimeError in the submission.

    :param names: ``"torch.nn.functional.dropout"``; a class forbids its ``forward`` or its construction.
    """
    ask_service("forbid_calls", submission, list(names))
    try:
        yield
    finally:
        ask_service("allow_calls", submission)


def is_instance(value: Any, qualified_name: str) -> bool:
    """Tell whether the value's class or a base of it is called so, e.g. ``"torch.nn.modules.module.Module"``."""
    remote = remote_bases(value)
    bases = remote if remote is not None else [f"{base.__module__}.{base.__qualname__}" for base in type(value).__mro__]
    return qualified_name in bases


def dotted_names(source: str) -> set[str]:
    """Every dotted name that Python source uses, with import aliases resolved.

    >>> sorted(dotted_names("import torch.nn as nn\\nfrom torch.nn import functional as F\\nF.relu(nn.Linear)"))
    ['torch.nn', 'torch.nn.Linear', 'torch.nn.functional', 'torch.nn.functional.relu']
    """
    tree = ast.parse(source)
    aliases: dict[str, str] = {}
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                aliases[item.asname or item.name.split(".")[0]] = item.name if item.asname else item.name.split(".")[0]
                names.add(item.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for item in node.names:
                aliases[item.asname or item.name] = f"{node.module}.{item.name}"
                names.add(f"{node.module}.{item.name}")
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)):
            dotted = _dotted(node)
            if dotted:
                head, _, rest = dotted.partition(".")
                resolved = aliases.get(head, head)
                names.add(f"{resolved}.{rest}" if rest else resolved)
    return names


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = _dotted(node.value)
        return f"{head}.{node.attr}" if head else ""
    return ""
