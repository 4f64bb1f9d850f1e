"""What a submission imports, and so which warm process suits it."""

from __future__ import annotations

import importlib.util
import re

from grader.model import Environment, SubmissionFiles

FRAMEWORKS = {
    "torch": Environment.TORCH,
    "torchvision": Environment.TORCH,
    "tensorflow": Environment.TENSORFLOW,
    "keras": Environment.TENSORFLOW,
}
# Modules that are worth importing once in the zygote where any submission imports them: each takes 0.2 to 4 s, and the
# frameworks ask for more memory meanwhile than a guest has.
WORTH_PRELOADING = {name: name for name in ("keras", "pandas", "scipy", "sklearn", "tensorflow", "torch")}
WORTH_PRELOADING["matplotlib"] = "matplotlib.pyplot"
NOTEBOOK_MODULE = "IPython.core.inputtransformer2"
# Run once where a source says that it will: what torch loads late and not everybody needs. Whoever gets there by other
# words pays for it in his own call, 0.7 s.
LATE_PARTS = "wall.warm_torch:late_parts"
_LATE_WORDS = re.compile(
    r"\b(?:optim|checkpoint|meta|functorch|torch\.compile|torch\.func)\b|import .*\b(?:compile|func)\b"
)
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+(\w+)|import[ \t]+([\w., \t]+))", re.MULTILINE)


def imports(source: str) -> list[str]:
    """Top-level packages that the lines of ``source`` import, also where it is no valid Python.

    >>> imports("import numpy as np, torch.nn\\nfrom os.path import join")
    ['numpy', 'torch', 'os']
    """
    found: list[str] = []
    for origin, modules in _IMPORT.findall(source):
        found += [origin] if origin else re.findall(r"(?:^|,)[ \t]*(\w+)", modules)
    return found


def imported_modules(source: str, *, notebook: bool) -> set[str]:
    """Modules worth preloading that this source imports, as far as they are installed, and LATE_PARTS."""
    names = set(imports(source))
    modules = {module for name, module in WORTH_PRELOADING.items() if name in names and installed(name)}
    if notebook and installed("IPython"):
        modules.add(NOTEBOOK_MODULE)
    if uses_late_parts(source):
        modules.add(LATE_PARTS)
    return modules


def uses_late_parts(source: str) -> bool:
    """Whether a source uses torch's optimisers, its meta device, or what else loads the compiler.

    >>> uses_late_parts("from torch import nn, optim"), uses_late_parts("import optim")
    (True, False)
    """
    return "torch" in imports(source) and installed("torch") and bool(_LATE_WORDS.search(source))


def all_source(files: SubmissionFiles) -> str:
    """The code of a submission with that of its helper modules."""
    helpers = [data.decode("utf-8", "replace") for path, data in files.files.items() if path.endswith(".py")]
    return "\n".join([files.source, *helpers])


def submission_environment(files: SubmissionFiles) -> Environment:
    """The framework to have warm for a submission; one that is not installed is left to its own import to report."""
    for module in imports(all_source(files)):
        if module in FRAMEWORKS and installed(module):
            return FRAMEWORKS[module]
    return Environment.NUMPY


def missing_framework(files: SubmissionFiles) -> str:
    """A framework that a submission imports and that is not installed here; empty where all are."""
    return next((name for name in imports(all_source(files)) if name in FRAMEWORKS and not installed(name)), "")


def installed(module: str) -> bool:
    """Whether a module can be found here, where guests find theirs too."""
    return importlib.util.find_spec(module) is not None
