"""Download a data set's files: mirrors in order, resumed where a download ended, checked before they get their names.

What has arrived of a file lies in ``<file>.part``; ``<file>.part.json`` says from which version of it the server sent
it. Which bytes are right is for the checksum alone to say, so a part from one mirror may be continued from another.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from gpu_runner.catalogue import Dataset, File
from gpu_runner.datasets import checksum_problem
from grader.errors import InfrastructureError, UsageError

BLOCK = 1 << 18  # bytes per read: progress several times a second on a slow line, few system calls on a fast one
TIMEOUT = 30.0  # seconds without a byte from a server
# A connection that ends early is taken up again at the same mirror, as long as each try brings something, so often.
TRIES = 10
CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
# What urllib and the connection below it raise; ValueError for an address that is none.
NETWORK = (OSError, http.client.HTTPException, ValueError)


class Progress(Protocol):
    """Who wants to know how a download goes."""

    def advanced(self, file: File, done: int) -> None:
        """``done`` bytes of the file are there; it can fall where a download starts over."""

    def note(self, text: str) -> None:
        """Something that a person may want to know, one sentence."""


class _Failed(Exception):
    """This mirror does not give the file; one sentence."""


class _Cut(Exception):
    """The connection ended early; what has arrived is kept."""


class _Changed(Exception):
    """The part does not continue what the server has; to be started over."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The unfinished download of a file."""

    file: File
    path: Path

    @property
    def origin(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.origin.unlink(missing_ok=True)

    def validator(self, url: str) -> str:
        """The ETag or date under which the part's bytes came from this address; empty where they did not."""
        try:
            origin = json.loads(self.origin.read_bytes())
            return str(origin["validator"]) if origin["url"] == url else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def remember(self, url: str, response: http.client.HTTPResponse) -> None:
        etag = response.headers.get("ETag", "")
        # If-Range takes no weak ETag (RFC 9110, 13.1.5).
        validator = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
        self.origin.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")


def fetch(
    dataset: Dataset,
    folder: Path,
    progress: Progress,
    *,
    mirrors: Sequence[str] = (),
    timeout: float = TIMEOUT,
) -> None:
    """Bring every file of the data set into the folder; those that are there and whole are left alone.

    :param folder: made where it does not exist; a damaged file in it is replaced once its new version is whole.
    :param mirrors: addresses of folders to try before the data set's own.
    :param timeout: seconds without a byte after which a mirror is given up.
    :raises UsageError: there is no mirror, or one is no http or https address.
    :raises InfrastructureError: no mirror gave a file, or the folder cannot be written.
    """
    places = [*mirrors, *dataset.mirrors]
    for place in places:
        if urllib.parse.urlsplit(place).scheme not in ("http", "https"):
            raise UsageError(
                f"{place} is no http or https address", where="--mirror", remedy="write https://HOST/FOLDER"
            )
    try:
        due = [file for file in dataset.files if not _whole(file, folder, progress)]
        if due and not places:
            raise UsageError(
                f"{dataset.title} is not on the internet",
                remedy=f"get {due[0].name} from whoever runs the course and put it into {folder}, "
                "or give the address of its folder with --mirror",
            )
        if due:
            # Only now: a folder that holds everything may be read-only.
            folder.mkdir(parents=True, exist_ok=True)
            with _alone(folder, progress):
                for file in due:
                    if not _whole(file, folder, progress):  # it may have come from elsewhere meanwhile
                        _fetch_file(file, folder, places, progress, timeout)
    except OSError as error:  # those of the network have become _Failed and _Cut
        raise InfrastructureError(
            f"{error.strerror or error}",
            where=error.filename or folder,
            remedy="make room or mend the rights, or name another folder with --data DIR; what has arrived is kept",
        ) from error


@contextlib.contextmanager
def _alone(folder: Path, progress: Progress) -> Iterator[None]:
    """Keep other downloads out of the folder."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".fetch.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.note(f"another download into {folder} is under way; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _whole(file: File, folder: Path, progress: Progress) -> bool:
    target = folder / file.name
    if not target.exists() or _problem(file, target):
        return False
    progress.advanced(file, file.size)
    return True


def _fetch_file(file: File, folder: Path, places: Sequence[str], progress: Progress, timeout: float) -> None:
    target = folder / file.name
    if target.exists():
        progress.note(f"{target} is damaged ({_problem(file, target)}); it is fetched again")
    part = _Part(file, folder / f"{file.name}.part")
    failures = []
    for place in places:
        url = f"{place.rstrip('/')}/{urllib.parse.quote(file.name)}"
        try:
            _from_mirror(part, url, progress, timeout)
        except _Failed as failure:
            failures.append(f"{url}: {failure}")
            progress.note(failures[-1])
            continue
        part.path.replace(target)
        part.discard()
        return
    raise InfrastructureError(
        "no mirror gave it:" + "".join(f"\n    {failure}" for failure in failures),
        where=file.name,
        remedy="look at the connection and run the command again, or give another address with --mirror URL",
    )


def _from_mirror(part: _Part, url: str, progress: Progress, timeout: float) -> None:
    """Complete the part from this address and check it.

    :raises _Failed: that did not work; a part whose bytes may be right is kept for the next mirror.
    """
    resumed = 0 < part.size() <= part.file.size  # whether a wrong checksum may be an old part's fault
    if not resumed:
        part.discard()
    for _ in range(TRIES):
        before = part.size()
        try:
            if before < part.file.size:
                _download(part, url, progress, timeout)
        except _Cut as cut:
            if part.size() <= before:
                raise _Failed(f"{cut} after {part.size()} of {part.file.size} bytes") from cut
            continue
        except _Changed as changed:
            if not before:
                raise _Failed(str(changed)) from changed
            progress.note(f"{url}: {changed}; starting over")
            part.discard()
            resumed = False
            continue
        problem = _problem(part.file, part.path)
        if not problem:
            return
        part.discard()
        if not resumed:
            raise _Failed(problem)
        progress.note(f"{url}: {problem}; starting over")
        resumed = False
    raise _Failed(f"the connection ended {TRIES} times, at last after {part.size()} of {part.file.size} bytes")


def _download(part: _Part, url: str, progress: Progress, timeout: float) -> None:
    """One request; appends to the part, or begins it anew where the server sends the whole file.

    :raises _Failed: the server refuses, or offers something of another size.
    :raises _Cut: the connection ended early.
    :raises _Changed: the server cannot continue the part.
    """
    have = part.size()
    headers = {"User-Agent": "dl-course-grader", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if validator := part.validator(url):
            headers["If-Range"] = validator
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            raise _Changed("the server has less of it than has arrived") from error
        raise _Failed(f"the server answers {error.code} {error.reason}") from error
    except NETWORK as error:
        raise _Failed(_words(error, timeout)) from error
    with response:
        begin = _begin(part.file, have, response)
        with part.path.open("ab" if begin else "wb") as out:
            if not begin:
                part.remember(url, response)
            _copy(part.file, begin, response, out, progress, timeout)


def _begin(file: File, have: int, response: http.client.HTTPResponse) -> int:
    """Where in the file the response's body begins, which is ``have`` or 0."""
    begin = 0
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        found = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if not found or int(found[1]) != have or found[2] not in ("*", str(file.size)):
            raise _Changed("the server continues another file than was begun")
        begin = have
    elif response.status != http.HTTPStatus.OK:
        raise _Failed(f"the server answers {response.status} {response.reason}")
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and begin + int(length) != file.size:
        raise _Failed(f"the server offers {begin + int(length)} bytes, the file has {file.size}")
    return begin


def _copy(
    file: File, begin: int, response: http.client.HTTPResponse, out: BinaryIO, progress: Progress, timeout: float
) -> None:
    """Write the body behind ``begin`` bytes that are there; what cannot be written stays an OSError."""
    done = begin
    progress.advanced(file, done)
    while done < file.size:
        try:
            block = response.read1(min(BLOCK, file.size - done))
        except NETWORK as error:
            raise _Cut(_words(error, timeout)) from error
        if not block:
            raise _Cut("the connection ended")
        out.write(block)
        done += len(block)
        progress.advanced(file, done)
    # On the disk before it gets its name: a power cut leaves no file of zeros that counts as whole.
    out.flush()
    os.fsync(out.fileno())


def _problem(file: File, path: Path) -> str:
    """What is wrong with the whole file at this path; empty where nothing is."""
    size = path.stat().st_size
    if size != file.size:
        return f"{size} bytes instead of {file.size}"
    with path.open("rb") as stream:
        return checksum_problem(file, stream)


def _words(error: Exception, timeout: float) -> str:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"nothing came for {timeout:g} seconds"
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
