"""The roster: a CSV file with the header ``id,name``."""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path

from grader.course.table import read_text
from grader.errors import ConfigError
from grader.model import Student

HEADER = ["id", "name"]
LONGEST_ID = 100  # characters; a file name may have 255 bytes, and reports add a suffix to the id


def unsafe_folder_name(name: str) -> str:
    """Tell why ``name`` cannot be one folder's name under submitted/; empty where it can.

    >>> unsafe_folder_name("anna"), unsafe_folder_name("../anna")
    ('', 'it holds "/"')
    """
    if not name:
        return "it is empty"
    if len(name) > LONGEST_ID:
        return f"it is longer than {LONGEST_ID} characters"
    for character in name:
        if character in '/\\:*?"<>|':
            return f'it holds "{character}"' if character != '"' else "it holds a double quote"
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            return f"it holds the invisible character U+{ord(character):04X}"
    if name[0] in ".-" or name != name.strip():
        return "it starts with a dot, a dash or a space, or ends with a space"
    return ""


def read_roster(path: Path) -> tuple[Student, ...]:
    """Read the students in the file's order.

    :raises ConfigError: no such file, another header, a line that is not ``id,name``, an id that is given twice or
        that cannot be the name of a folder; with the line.
    """
    text = read_text(path, remedy="create it with the header id,name, or remove `roster` from course.toml")
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    students: dict[str, Student] = {}
    lines: dict[str, int] = {}
    header_seen = False
    try:
        for row in reader:
            row = [field.strip() for field in row]
            where = f"{path}:{reader.line_num}"
            if not any(row):
                continue
            if not header_seen:
                if row != HEADER:
                    raise ConfigError(
                        f'the header is "{",".join(row)}"', where=where, remedy="make the first line: id,name"
                    )
                header_seen = True
                continue
            if len(row) != len(HEADER):
                raise ConfigError(
                    f"this line has {len(row)} fields, not 2",
                    where=where,
                    remedy="write: id,name (a name may be empty)",
                )
            student = Student(*row)
            reason = unsafe_folder_name(student.id)
            if reason:
                raise ConfigError(
                    f"the id {student.id!r} cannot name a folder: {reason}",
                    where=where,
                    remedy="use letters, digits, dots, dashes, underscores",
                )
            if student.id in students:
                raise ConfigError(
                    f'the id "{student.id}" stands on line {lines[student.id]} already',
                    where=where,
                    remedy="remove one of the two lines",
                )
            students[student.id] = student
            lines[student.id] = reader.line_num
    except csv.Error as error:
        raise ConfigError(
            f"not valid CSV: {error}", where=f"{path}:{reader.line_num}", remedy="correct the quotes of this line"
        ) from error
    if not students:
        raise ConfigError(
            "there is no student", where=path, remedy="add lines id,name, or remove `roster` from course.toml"
        )
    return tuple(students.values())
