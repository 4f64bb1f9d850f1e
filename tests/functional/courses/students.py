"""A class for the course ``tiny``: whatever a student may hand in, by the student's name."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Relative path -> content, or what makes the file.
Files = dict[str, "str | bytes | Callable[[Path], object]"]

# Complete and right; what a student does otherwise is appended, since the last definition counts.
RIGHT = """\
import numpy as np


def mean(x):
    return float(np.sum(x) / len(x))


def scale(x, factor=2.0):
    return x * factor


def span(x):
    return float(np.min(x)), float(np.max(x))


def root(a):
    if a < 0:
        raise ValueError("a is negative")
    return float(a) ** 0.5


def power(base, exponent):
    return base**exponent
"""


def but(code: str) -> str:
    return f"{RIGHT}\n\n{code}"


def notebook(*cells: str, nbformat: int = 4, **metadata: Any) -> str:
    """A notebook of format 4 with these code cells."""
    code = [
        {"cell_type": "code", "source": cell, "metadata": {}, "outputs": [], "execution_count": None} for cell in cells
    ]
    return json.dumps({"nbformat": nbformat, "nbformat_minor": 2, "metadata": metadata, "cells": code})


def notebook_of_format_3(*cells: str) -> str:
    code = [
        {"cell_type": "code", "language": "python", "input": cell, "metadata": {}, "outputs": [], "collapsed": False}
        for cell in cells
    ]
    return json.dumps(
        {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": code, "metadata": {}}]}
    )


def linked_to(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


# Nothing to grade, or nothing that can be read ------------------------------------------------------------------------

UNREADABLE: dict[str, Files] = {
    "empty-file": {"tiny.py": ""},
    "blank-file": {"tiny.py": " \n\n\t\n"},
    "latin-1": {"tiny.py": "# 1\n# 2\nname = 'Zoë'\n".encode("latin-1")},
    "utf-16": {"tiny.py": RIGHT.encode("utf-16")},
    "nul-bytes": {"tiny.py": RIGHT.encode() + b"\0\0"},
    "odd-coding": {"tiny.py": b"# coding: undefined\n" + RIGHT.encode()},
    "unknown-coding": {"tiny.py": b"# coding: klingon\n" + RIGHT.encode()},
    "surrogates": {"tiny.py": b"# coding: unicode_escape\nx = '\\ud800'\n"},
    "empty-notebook": {"tiny.ipynb": ""},
    "broken-json": {"tiny.ipynb": notebook(RIGHT)[:-20]},
    "deep-json": {"tiny.ipynb": "[" * 100_000},
    "no-notebook": {"tiny.ipynb": '{"name": "something else"}'},
    "format-5": {"tiny.ipynb": notebook(RIGHT, nbformat=5)},
    "malformed-cells": {"tiny.ipynb": '{"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", "source": 3}]}'},
    "r-notebook": {"tiny.ipynb": notebook("mean <- function(x) 1", kernelspec={"name": "ir", "language": "R"})},
    "r-by-language-info": {"tiny.ipynb": notebook("x <- 1", kernelspec={"name": "ir"}, language_info={"name": "R"})},
    "no-code-cells": {"tiny.ipynb": notebook("", "  \n")},
    "both-touched": {"tiny.py": RIGHT, "tiny.ipynb": notebook(RIGHT)},
    "linked-file": {"tiny.py": linked_to("/etc/passwd")},
    "dangling-link": {"tiny.py": linked_to("/nowhere")},
    "fifo": {"tiny.py": lambda path: os.mkfifo(path)},
    "too-large": {"tiny.py": RIGHT, "data.bin": b"\1" * (2 * 2**20)},
    "a-thousand-files": {"tiny.py": RIGHT, **{f"data/{number}.txt": "x" for number in range(1000)}},
}
MISSING: dict[str, Files] = {
    "empty-folder": {},
    "other-name": {"Tiny (1).py": RIGHT},
    "in-a-subfolder": {"work/tiny.py": RIGHT},
    "only-a-report": {"report.pdf": b"%PDF"},
}

# Cannot be loaded -----------------------------------------------------------------------------------------------------

BROKEN: dict[str, Files] = {
    "syntax-error": {"tiny.py": "import numpy as np\n\n\ndef mean(x)\n    return 1\n"},
    "tabs-and-spaces": {"tiny.py": "def mean(x):\n    y = 1\n\treturn y\n"},
    "import-error": {"tiny.py": "import math\nimport keras_core_of_nobody\n"},
    "raises-at-import": {"tiny.py": but("print('started')\nvalues = [1, 2]\nvalues[7]\n")},
    "error-in-helper": {"tiny.py": "from helper import mean\n", "helper.py": "def mean(x):\n    return 1\n\n\n1 / 0\n"},
    "syntax-in-helper": {"tiny.py": "import helper\n", "helper.py": "x = 1\nif x = 1:\n    pass\n"},
    "loop-at-import": {"tiny.py": but("while True:\n    pass\n")},
    "loop-in-helper": {
        "tiny.py": "import helper\n",
        "helper.py": "def wait():\n    while True:\n        pass\n\n\nwait()\n",
    },
    "asks-at-import": {"tiny.py": but('n = int(input("How many? "))\n')},
    "exits-at-import": {"tiny.py": but("import sys\n\nsys.exit(0)\n")},
    "hard-exit-at-import": {"tiny.py": but("import os\n\nos._exit(0)\n")},
    "relative-import": {"tiny.py": but("from .helper import y\n"), "helper.py": "y = 1\n"},
    "looping-cell": {"tiny.ipynb": notebook("x = 1\n", "while True:\n    pass\n", RIGHT)},
    "star-import-of-missing": {"tiny.py": "from helpers import *\n"},
    "nul-in-source": {"tiny.py": b"# coding: unicode_escape\nx = '\\x00'\n"},
}

# Graded: (files, marks lost per test as earned points, words in the message of the lost tests) ------------------

LOOP = "    while True:\n        pass\n"

GRADED: dict[str, tuple[Files, dict[str, float], str]] = {
    "all-right": ({"tiny.py": RIGHT}, {}, ""),
    "missing-function": ({"tiny.py": but("del root\n")}, {"test_root": 0}, "does not define root"),
    "misspelt": ({"tiny.py": but("scales = scale\ndel scale\n")}, {"test_scale": 0}, "Did you mean"),
    "not-a-function": ({"tiny.py": but("root = 3.0\n")}, {"test_root": 0}, "as a function"),
    "too-few": (
        {"tiny.py": but("def power(base):\n    return base\n")},
        {"test_power_example": 0, "test_power": 0},
        "argument",
    ),
    "too-many": ({"tiny.py": but("def root(a, b):\n    return a\n")}, {"test_root": 0}, "argument"),
    "renamed-keyword": ({"tiny.py": but("def scale(x, by=2.0):\n    return x * by\n")}, {"test_scale": 0}, "factor"),
    "forgot-return": ({"tiny.py": but("def root(a):\n    a**0.5\n")}, {"test_root": 0}, "None"),
    "prints-instead": ({"tiny.py": but("def root(a):\n    print(a**0.5)\n")}, {"test_root": 0}, "None"),
    "wrong-type": (
        {"tiny.py": but("def scale(x, factor=2.0):\n    return (x * factor).tolist()\n")},
        {"test_scale": 0},
        "list",
    ),
    "wrong-shape": (
        {"tiny.py": but("def scale(x, factor=2.0):\n    return (x * factor).ravel()\n")},
        {"test_scale": 0},
        "shape",
    ),
    "wrong-dtype": (
        {"tiny.py": but("def scale(x, factor=2.0):\n    return (x * factor).astype(int)\n")},
        {"test_scale": 0},
        "int64",
    ),
    "three-values": ({"tiny.py": but("def span(x):\n    return 1, 2, 3\n")}, {"test_span": 0}, "3"),
    "one-case-right": (
        {"tiny.py": but("def span(x):\n    return (float(x.min()), float(x.max())) if x[0] > 0 else (0.0, 0.0)\n")},
        {"test_span": 1},
        "1 of 2 cases",
    ),
    "an-object": (
        {"tiny.py": but("class Answer:\n    pass\n\n\ndef root(a):\n    return Answer()\n")},
        {"test_root": 0},
        "Answer",
    ),
    "a-generator": (
        {"tiny.py": but("def span(x):\n    yield x.min()\n    yield x.max()\n")},
        {"test_span": 0},
        "generator",
    ),
    "a-huge-integer": (
        {"tiny.py": but("def power(base, exponent):\n    return 10**5000\n")},
        {"test_power_example": 0, "test_power": 0},
        "",
    ),
    "object-array": (
        {"tiny.py": but("def scale(x, factor=2.0):\n    return np.array([None, 1])\n")},
        {"test_scale": 0},
        "",
    ),
    "wrong-value": ({"tiny.py": but("def root(a):\n    return 1.0\n")}, {"test_root": 0}, "not the right one"),
    "no-value-error": (
        {"tiny.py": but("def root(a):\n    return float(abs(a)) ** 0.5\n")},
        {"test_root": 0},
        "ValueError",
    ),
    "part-marks": (
        {"tiny.py": but("def power(base, exponent):\n    return base**exponent if exponent else 0\n")},
        {"test_power": 1},
        "0",
    ),
    "raises": ({"tiny.py": but("def root(a):\n    return {}[a]\n")}, {"test_root": 0}, "KeyError"),
    "raises-in-helper": (
        {"tiny.py": but("from helper import root\n"), "helper.py": "def root(a):\n    return undefined_name\n"},
        {"test_root": 0},
        "NameError",
    ),
    "not-written": (
        {"tiny.py": but("def root(a):\n    raise NotImplementedError('later')\n")},
        {"test_root": 0},
        "not written yet",
    ),
    "exits": ({"tiny.py": but("def root(a):\n    raise SystemExit\n")}, {"test_root": 0}, "SystemExit"),
    "recursion": ({"tiny.py": but("def root(a):\n    return root(a)\n")}, {"test_root": 0}, "RecursionError"),
    "endless-loop": ({"tiny.py": but(f"def scale(x, factor=2.0):\n{LOOP}")}, {"test_scale": 0}, "endless loop"),
    "sleeper": (
        {"tiny.py": but("def root(a):\n    import time\n\n    time.sleep(3600)\n")},
        {"test_root": 0},
        "No answer after 5 seconds",
    ),
    "memory-hog": (
        {
            "tiny.py": but(
                "def scale(x, factor=2.0):\n    kept = []\n    while True:\n        kept.append(bytes(10**7))\n"
            )
        },
        {"test_scale": 0},
        "",
    ),
    "crash": (
        {"tiny.py": but("def scale(x, factor=2.0):\n    import ctypes\n\n    ctypes.string_at(0)\n")},
        {"test_scale": 0},
        "ended",
    ),
    "hard-exit": (
        {"tiny.py": but("def scale(x, factor=2.0):\n    import os\n\n    os._exit(0)\n")},
        {"test_scale": 0},
        "ended",
    ),
    "kills-itself": (
        {"tiny.py": but("def scale(x, factor=2.0):\n    import os\n\n    os.kill(os.getpid(), 9)\n    os.abort()\n")},
        {"test_scale": 0},
        "ended",
    ),
    "asks": ({"tiny.py": but("def root(a):\n    return float(input('a: '))\n")}, {"test_root": 0}, "EOFError"),
    "main-guard": ({"tiny.py": but("if __name__ == '__main__':\n    raise SystemExit('ran as a script')\n")}, {}, ""),
    "bom": ({"tiny.py": b"\xef\xbb\xbf" + RIGHT.encode()}, {}, ""),
    "latin-1-declared": ({"tiny.py": "# coding: latin-1\nname = 'Zoë'\n".encode("latin-1") + RIGHT.encode()}, {}, ""),
    "windows-lines": ({"tiny.py": RIGHT.replace("\n", "\r\n")}, {}, ""),
    "package": (
        {
            "tiny.py": but("from parts.roots import root\nfrom parts import scale\n"),
            "parts/__init__.py": "from .scales import scale\n",
            "parts/scales.py": "def scale(x, factor=2.0):\n    return factor * x\n",
            "parts/roots.py": "import math\n\n\ndef root(a):\n    return math.sqrt(a)\n",
        },
        {},
        "",
    ),
    "reads-a-file": (
        {"tiny.py": but("FACTORS = [float(line) for line in open('factors.txt')]\n"), "factors.txt": "1\n2\n"},
        {},
        "",
    ),
    "linked-helper": (
        {"tiny.py": RIGHT, "secret.txt": linked_to("/etc/passwd"), "pipe": lambda path: os.mkfifo(path)},
        {},
        "",
    ),
    "prints": (
        {"tiny.py": but("print('LOADED')\n\n\ndef root(a):\n    print('CALLED')\n    return 0.0\n")},
        {"test_root": 0},
        "",
    ),
    "echoes-arguments": ({"tiny.py": but("def root(a):\n    return str(a)\n")}, {"test_root": 0}, ""),
    # names of students
    'O\'Neill, "Zoë" $(id) [1] %41': ({"tiny.py": RIGHT}, {}, ""),
    "-rf": ({"tiny.py": RIGHT}, {}, ""),
    "学生": ({"tiny.py": RIGHT}, {}, ""),
    # notebooks
    "notebook": ({"tiny.ipynb": notebook(RIGHT)}, {}, ""),
    "notebook-with-bom": ({"tiny.ipynb": b"\xef\xbb\xbf" + notebook(RIGHT).encode()}, {}, ""),
    "notebook-3": ({"tiny.ipynb": notebook_of_format_3(RIGHT)}, {}, ""),
    "magics": (
        {
            "tiny.ipynb": notebook(
                "%matplotlib inline\n%load_ext autoreload\n!pip install numpy\nfiles = !ls\n",
                f"%%time\n{RIGHT}",
                "%%capture out\ndef root(a):\n    import math\n    return math.sqrt(a)\n",
                "%%bash\nexit 1\n",
                "%%html\n<b>bold</b>\n",
                "%timeit -n 1 mean(np.ones(3))\nmean?\n",
                "get_ipython().run_line_magic('time', '1')\ndisplay(mean(np.ones(3)))\n",
            )
        },
        {},
        "",
    ),
    "cell-raises": (
        {
            "tiny.ipynb": notebook(
                RIGHT, "root = 0\n1 / 0\n", "def root(a):\n    return a**0.5 if a >= 0 else int('')\n"
            )
        },
        {},
        "",
    ),
    "cell-with-syntax-error": ({"tiny.ipynb": notebook(RIGHT, "def broken(:\n", "x = 1\n")}, {}, ""),
    "last-definition": ({"tiny.ipynb": notebook("def root(a):\n    return -1.0\n", RIGHT)}, {}, ""),
    "plots": (
        {
            "tiny.ipynb": notebook(
                RIGHT, "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\nplt.savefig('a.png')\n"
            )
        },
        {},
        "",
    ),
    "main-cell": (
        {"tiny.ipynb": notebook(RIGHT, "if __name__ == '__main__':\n    def root(a):\n        return -1.0\n")},
        {"test_root": 0},
        "",
    ),
    "asking-cell": ({"tiny.ipynb": notebook("n = input('How many?')\n", RIGHT)}, {}, ""),
}
