"""The roster's people stand in the gradebook; what an instructor entered there stays."""

from __future__ import annotations

from pathlib import Path

from nbgrader.api import Gradebook

from grader.nbgrader_plugin.roster import SaveRoster


def test_people_are_added_and_named_and_nobody_is_renamed(tmp_path: Path) -> None:
    (tmp_path / "course.toml").write_text('name = "C"\nseed = 1\nroster = "roster.csv"\n')
    (tmp_path / "roster.csv").write_text("id,name\nada,Ada King Lovelace\nben,Ben Ohm\ncy,\n")
    url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    with Gradebook(url) as gradebook:
        gradebook.add_student("ben", first_name="Benjamin", last_name="Ohm")
        gradebook.add_student("zoe")
    for _ in range(2):
        SaveRoster(course_root=str(tmp_path)).preprocess(None, {"nbgrader": {"db_url": url}})
    with Gradebook(url) as gradebook:
        found = {student.id: (student.first_name, student.last_name) for student in gradebook.students}
    assert found == {
        "ada": ("Ada King", "Lovelace"),
        "ben": ("Benjamin", "Ohm"),
        "cy": (None, None),
        "zoe": (None, None),
    }
