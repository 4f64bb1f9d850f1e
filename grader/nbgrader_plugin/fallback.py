"""Which notebooks need a real kernel."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from grader.sandbox.imports import imports

# What sends messages of its own to the front end (comms), or speaks with the kernel itself.
KERNEL_MODULES = frozenset(
    "anywidget bqplot holoviews hvplot ipycytoscape ipydatagrid ipykernel ipyleaflet ipympl ipyparallel ipysheet "
    "ipyvolume ipyvuetify ipywidgets itkwidgets jupyter_client k3d nbclient nglview panel pythreejs solara".split()
)
_INTERACTIVE_PLOTS = re.compile(r"^[ \t]*%matplotlib[ \t]+(?:notebook|nbagg|widget|ipympl|qt\w*|tk|gtk\w*|wx)\b", re.M)


def is_python(nb: Any) -> bool:
    """Whether a notebook's cells are Python; one that says nothing of a kernel is."""
    spec = nb.metadata.get("kernelspec", {})
    language = spec.get("language") or nb.metadata.get("language_info", {}).get("name")
    if not language:
        language = "python" if str(spec.get("name", "python")).startswith("python") else "?"
    return str(language).lower() in ("python", "ipython")


def why_kernel(nb: Any, folder: Path, more_modules: Iterable[str] = ()) -> str:
    """Why the forked shell is not enough for a notebook; empty where it is.

    :param folder: holds the helper modules, which count too.
    """
    if not is_python(nb):
        return "it is not in Python"
    name = str(nb.metadata.get("kernelspec", {}).get("name", ""))
    if name and not _is_own_python(name):
        return f"its kernel {name} has a Python of its own"
    sources = [str(cell.source) for cell in nb.cells if cell.cell_type == "code"]
    helpers = [path for path in sorted(folder.glob("*.py")) if path.is_file() and not path.is_symlink()]
    sources += [path.read_text("utf-8", "replace") for path in helpers]
    wanted = KERNEL_MODULES | set(more_modules)
    for source in sources:
        found = sorted(wanted & set(imports(source)))
        if found:
            return f"it imports {found[0]}"
        if _INTERACTIVE_PLOTS.search(source):
            return "it asks for interactive plots"
    return ""


@functools.cache
def _is_own_python(name: str) -> bool:
    """Whether a kernel of this name is run by the Python that guests run on, or does not exist at all."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec(name)
    except (NoSuchKernel, OSError, ValueError):
        return True
    command = spec.argv[0] if spec.argv else ""
    if not Path(command).is_absolute():
        return command.startswith("python")
    return Path(command).parent == Path(sys.executable).parent
