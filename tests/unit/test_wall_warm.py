"""What a zygote and an examiner have done before they fork, so that no child does it again."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from grader.sandbox.imports import LATE_PARTS, imported_modules

# Modules that a child of a warm process still has to import, for what a course's submissions do.
LATE = """
import json, sys
from grader.wall import warm_torch
warm_torch.first_steps()
if sys.argv[1] == "late parts":
    warm_torch.late_parts()
import torch
known = set(sys.modules)
model = torch.nn.Sequential(torch.nn.Conv2d(1, 6, 5), torch.nn.Flatten(), torch.nn.Linear(96, 2))
x = torch.zeros(2, 1, 8, 8, requires_grad=True)
torch.autograd.grad(model(x), x, grad_outputs=torch.ones(2, 2))
model(x).backward(torch.ones(2, 2))
model.load_state_dict(model.state_dict())
without = len(set(sys.modules) - known)
torch.optim.Adam(model.parameters()).step()
with torch.device("meta"):
    torch.nn.Linear(3, 3)(torch.empty(1, 3))
print(json.dumps([without, len(set(sys.modules) - known)]))
"""


def told(program: str, *arguments: str) -> list[int]:
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    result: list[int] = json.loads(done.stdout)
    return result


def test_torch_has_loaded_what_a_childs_first_use_would_load() -> None:
    pytest.importorskip("torch")
    plain, late = told(LATE, "plain")
    assert plain < 5
    assert late > 100, "the late parts have become small: run them always"
    assert max(told(LATE, "late parts")) < 5


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("import torch\ntorch.optim.SGD(p, lr=1)", True),
        ("from torch import nn, optim", True),
        ("from torch.optim import Adam", True),
        ("import torch\nmodel = torch.compile(model)", True),
        ("import torch\nre.compile('x')  # an optimiser of its own", False),
        ("import torch\nwith torch.device('meta'): pass", True),
        ("from torch.func import grad", True),
        ("from torch import nn, func", True),
        ("from torch import nn", False),
        ("import optim", False),
    ],
)
def test_late_parts_are_warm_where_a_submission_names_them(source: str, *, wanted: bool) -> None:
    pytest.importorskip("torch")
    assert (LATE_PARTS in imported_modules(source, notebook=False)) is wanted
