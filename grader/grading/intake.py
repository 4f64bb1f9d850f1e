"""From a student's folder to :class:`SubmissionFiles`: what is read, what is refused, and why.

Nothing here follows a link, waits on a fifo or reads more than the limits; whatever lies in the folder, the result is
files or a SubmissionError. Where the machine fails, and not the folder, it is an InfrastructureError.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import stat
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import GraderError, InfrastructureError, MissingSubmission, UnreadableSubmission
from grader.model import Assignment, SubmissionFiles

# A hand-in is a module and a few helpers; a virtual environment or a data set has thousands of files.
MAX_FILES = 200
MAX_DEPTH = 4
# A long notebook has two hundred; what crosses the wall is bounded to 200,000 values, three for each cell.
MAX_CELLS = 10_000
# Left by tools (the last two by nbgrader), never part of the work; and what the handout itself holds.
IGNORED = frozenset(
    ("__pycache__", "__MACOSX", "README.md", "test_visible.py", "timestamp.txt", "submission_secret.txt")
)
# Refusals that lie in what was handed in. All others (EIO, ESTALE, EMFILE, ENOMEM …) are this machine's, and no mark.
OF_THE_FILE = frozenset(
    (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ENODEV)
)
MIB = 2**20
NEWLINE = b"\n"


@dataclass(frozen=True, slots=True)
class Submission:
    """A place where a student's work for one assignment should be."""

    student: str
    assignment: Assignment
    folder: Path  # need not exist
    notebook_only: bool = False  # a script of the assignment's name beside the notebook is none of the work


@dataclass(frozen=True, slots=True)
class Handout:
    """The untouched stub, as it was handed out; a submission may still hold one of its two files."""

    script: str  # text of <a>.py; empty where it was never generated
    cells: tuple[str, ...]  # sources of <a>.ipynb's code cells


def read_handout(root: Path, assignment: Assignment) -> Handout:
    """The generated stub of an assignment; empty where it was not generated yet."""
    folder = root / "assignments" / assignment.name
    try:
        script = (folder / f"{assignment.name}.py").read_text(encoding="utf-8")
        notebook = json.loads((folder / f"{assignment.name}.ipynb").read_text(encoding="utf-8"))
        sources = tuple(_joined(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    except (OSError, ValueError, KeyError, TypeError):
        return Handout("", ())
    return Handout(script, sources)


def read_submission(submission: Submission, handout: Handout) -> SubmissionFiles:
    """Read a submission.

    Raises MissingSubmission where there is nothing to grade, UnreadableSubmission where there is something else, both
    with words for the student; InfrastructureError where the disk fails.
    """
    name, limit = submission.assignment.name, submission.assignment.limits.submission_mb * MIB
    files, notes = _collect(submission.folder, name, limit)
    script, notebook = _candidates(name)
    if submission.notebook_only and notebook in files and files.pop(script, None) is not None:
        notes.append(f"{script} does not count; {notebook} does.")
    entry, chosen = _choose(name, files, handout)
    notes += chosen
    # The other candidate is no helper of the chosen one.
    files = {path: data for path, data in files.items() if path == entry or path not in _candidates(name)}
    if entry.endswith(".ipynb"):
        cells = parse_notebook(entry, files[entry])
        return SubmissionFiles(name, entry, files, cells, tuple(notes))
    text = decode_source(entry, files[entry])
    return SubmissionFiles(name, entry, {**files, entry: text.encode("utf-8")}, None, tuple(notes))


def _candidates(name: str) -> tuple[str, str]:
    return f"{name}.py", f"{name}.ipynb"


def _collect(folder: Path, name: str, limit: int) -> tuple[dict[str, bytes], list[str]]:
    """All regular files below the folder, by relative path, and notes on what was left out."""
    try:
        kind = folder.lstat().st_mode
    except FileNotFoundError:
        raise MissingSubmission("Nothing was handed in.") from None
    except OSError as error:
        raise _unreadable("The folder", error) from None
    if stat.S_ISLNK(kind):
        raise UnreadableSubmission("The folder is a symbolic link; hand in the files themselves.")
    if not stat.S_ISDIR(kind):
        raise UnreadableSubmission(f"{name} is a file where a folder is expected.")
    files: dict[str, bytes] = {}
    notes: list[str] = []
    size = 0
    for path, entry in _walk(folder, "", 0, notes):
        problem = _problem(entry)
        if problem:
            if path in _candidates(name):
                raise UnreadableSubmission(f"{path} is {problem}; hand in the file itself.")
            notes.append(f"{path} was left out: it is {problem}.")
            _check_count(len(notes))
            continue
        data = _read(entry, limit - size)
        if data is None:
            size_limit = f"{limit // MIB} MiB together"
            raise UnreadableSubmission(f"The files are larger than {size_limit} ({path} is the last that was read).")
        size += len(data)
        files[path] = data
        _check_count(len(files) + len(notes))
    return files, notes


def _check_count(count: int) -> None:
    if count > MAX_FILES:
        raise UnreadableSubmission(f"The folder holds more than {MAX_FILES} files.")


def _walk(folder: Path, prefix: str, depth: int, notes: list[str]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(f"The folder {prefix or '.'}", error) from None
    for entry in entries:
        if entry.name in IGNORED or entry.name.startswith("."):
            continue
        path = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if depth < MAX_DEPTH:
                yield from _walk(Path(entry.path), f"{path}/", depth + 1, notes)
            else:
                notes.append(f"{path}/ was left out: it lies more than {MAX_DEPTH} folders deep.")
                _check_count(len(notes))
        else:
            yield path, entry


def _problem(entry: os.DirEntry[str]) -> str:
    """Why an entry is no regular file with a usable name; empty where it is one."""
    try:
        entry.name.encode("utf-8")
    except UnicodeEncodeError:
        return "a file with a name that is not text"
    if entry.is_symlink():
        return "a symbolic link"
    try:
        regular = entry.is_file(follow_symlinks=False)
    except OSError:
        return "not readable"
    return "" if regular else "a fifo, socket or device"


def _read(entry: os.DirEntry[str], limit: int) -> bytes | None:
    """The content; ``None`` where it is larger than ``limit``. A file that was swapped meanwhile is not followed."""
    try:
        descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UnreadableSubmission(f"{entry.name} is not a regular file.")
            data = file.read(limit + 1)
    except OSError as error:
        raise _unreadable(entry.name, error) from None
    return data if len(data) <= limit else None


def _unreadable(what: str, error: OSError) -> GraderError:
    said = f"{what} cannot be read: {error.strerror}."
    if error.errno in OF_THE_FILE:
        return UnreadableSubmission(said)
    return InfrastructureError(said, where=error.filename or "", remedy="see to the disk, and run it again")


def _choose(name: str, files: dict[str, bytes], handout: Handout) -> tuple[str, list[str]]:
    """The file to grade, and notes; the untouched one of two does not count."""
    script, notebook = _candidates(name)
    if script in files and notebook in files:
        touched = [path for path in (script, notebook) if not _is_untouched(path, files[path], handout)]
        if len(touched) == 2:
            raise UnreadableSubmission(
                f"Both {script} and {notebook} hold work of yours; hand in one of them alone, "
                "so that it is clear which counts."
            )
        chosen = touched[0] if touched else script
        other = notebook if chosen == script else script
        return chosen, [f"{other} is untouched, so {chosen} counts."]
    for path in (script, notebook):
        if path in files:
            return path, []
    raise MissingSubmission(f"There is neither {script} nor {notebook}.{_near(name, files)}")


def _near(name: str, files: dict[str, bytes]) -> str:
    """A hint at files that were probably meant."""
    wanted = re.sub(r"[^a-z]", "", name)
    for path in files:
        stem, _, suffix = path.rpartition("/")[2].rpartition(".")
        if suffix.lower() in ("py", "ipynb") and re.sub(r"[^a-z]", "", stem.lower()) == wanted:
            return f" Rename {path} to {name}.{suffix.lower()} and put it at the top of the folder."
    found = [path for path in files if path.endswith((".py", ".ipynb"))]
    return f" There is {found[0]}: is that your work under another name?" if found else ""


def _is_untouched(path: str, data: bytes, handout: Handout) -> bool:
    if path.endswith(".py"):
        return bool(handout.script) and data.decode("utf-8", "replace").split() == handout.script.split()
    try:
        cells = json.loads(data)["cells"]
        sources = [_joined(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    kept = [source.split() for source in sources if source.strip()]
    return bool(handout.cells) and kept == [source.split() for source in handout.cells if source.strip()]


def _joined(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)


def decode_source(entry: str, data: bytes) -> str:
    """Python source as text, by its own coding line or as UTF-8; UnreadableSubmission with the reason otherwise."""
    if not data.strip():
        raise UnreadableSubmission(f"{entry} is empty.")
    if b"\0" in data:
        is_utf_16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        kind = "UTF-16, as an editor on Windows may save it" if is_utf_16 else "binary data (it holds zero bytes)"
        raise UnreadableSubmission(f"{entry} is not Python text but {kind}; save it as UTF-8.")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
        text.encode("utf-8")  # some codecs give lone surrogates, which are no text
    except (SyntaxError, UnicodeError, LookupError) as error:
        place = ""
        if isinstance(error, UnicodeDecodeError):
            place = f"line {data.count(NEWLINE, 0, error.start) + 1}: "
        raise UnreadableSubmission(f"{entry} cannot be decoded ({place}{error}); save it as UTF-8.") from None
    return text.removeprefix("\ufeff")


def parse_notebook(entry: str, data: bytes) -> tuple[tuple[int, str], ...]:
    """A notebook's code cells with their numbers, all cells counted from 1; UnreadableSubmission with the reason."""
    if not data.strip():
        raise UnreadableSubmission(f"{entry} is empty.")
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UnreadableSubmission(f"{entry} is not UTF-8 text; save it again in Jupyter.") from None
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UnreadableSubmission(f"{entry} is not a notebook: its JSON is broken ({why}).") from None
    major = document.get("nbformat") if isinstance(document, dict) else None
    if not isinstance(major, int) or isinstance(major, bool):
        raise UnreadableSubmission(f"{entry} is JSON, but not a notebook.")
    if not 2 <= major <= 4:
        raise UnreadableSubmission(f"{entry} has the unknown notebook format {major}; save it as format 4.")
    try:
        if major < 4:
            from nbformat import convert, from_dict

            document = convert(from_dict(document), 4)  # type: ignore[no-untyped-call]  # no annotations
        checks = {_noted(cell).get("grade_id"): cell.get("source") for cell in document["cells"] if _is_check(cell)}
        cells = [
            (number, _text_of(cell["source"]))
            for number, cell in enumerate(document["cells"], start=1)
            if _is_work(cell, checks)
        ]
        language = _language(document.get("metadata") or {})
    except Exception as error:  # nbformat's converters raise whatever a malformed document leads them to
        raise UnreadableSubmission(f"{entry} is a notebook with malformed cells ({type(error).__name__}).") from None
    if not language.lower().startswith(("python", "ipython")):
        raise UnreadableSubmission(f"{entry} is a notebook for {language[:40]}, not for Python.")
    if len(cells) > MAX_CELLS:
        raise UnreadableSubmission(f"{entry} has more than {MAX_CELLS} code cells.")
    if not any(source.strip() for _number, source in cells):
        raise UnreadableSubmission(f"{entry} has no code cell with anything in it.")
    return tuple(cells)


def _noted(cell: dict[str, Any]) -> dict[str, Any]:
    """What nbgrader has noted in a cell, where it comes from there."""
    metadata = cell.get("metadata")
    noted = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return noted if isinstance(noted, dict) else {}


def _is_check(cell: dict[str, Any]) -> bool:
    """Whether a cell is one of nbgrader's tests: locked, and restored before anybody looks at it."""
    noted = _noted(cell)
    return noted.get("grade") is True and noted.get("solution") is not True and isinstance(noted.get("grade_id"), str)


def _is_work(cell: dict[str, Any], checks: Mapping[Any, Any]) -> bool:
    """Whether a cell is code of the student's.

    A test is none, but a copy of it that he has rewritten is: of several cells the last is the test, as in nbgrader. An
    answer stays code where its cell was turned into text by a slip; nbgrader turns it back too.

    :param checks: what stands in the last of the cells that nbgrader takes for one test, by its name.
    """
    noted = _noted(cell)
    if _is_check(cell) and checks[noted["grade_id"]] == cell.get("source"):
        return False
    answer = noted.get("solution") is True and noted.get("cell_type") == "code"
    return bool(cell["cell_type"] == "code" or answer)


def _language(metadata: dict[str, Any]) -> str:
    """The language that a notebook says it is in; Python where it says nothing, as Colab's do."""
    for table, key in (("kernelspec", "language"), ("language_info", "name")):
        language = (metadata.get(table) or {}).get(key)
        if language:
            return str(language)
    return "python"


def _text_of(source: Any) -> str:
    text = _joined(source)
    text.encode("utf-8")  # a lone surrogate is no text
    return text
