"""Merging a new version into an instructor's edits, without a disk."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.nbgrader_plugin.merge import Choice, Known, digest, known, merge_cells, merge_text

Cells = list[dict[str, Any]]


def cell(name: str, source: str = "", **nbgrader: Any) -> dict[str, Any]:
    kind = "markdown" if name.startswith("m") else "code"
    metadata = {"nbgrader": {"grade_id": name, **nbgrader}} if nbgrader else {}
    return {"id": name, "cell_type": kind, "source": source or f"text of {name}", "metadata": metadata}


def notebook(names: str) -> Cells:
    return [cell(name) for name in names.split()]


def recorded(cells: Cells) -> list[Known]:
    return [known(each) for each in cells]


def ids(cells: Any) -> str:
    return " ".join(each["id"] for each in cells)


def edited(cells: Cells, name: str, source: str) -> Cells:
    return [{**each, "source": source} if each["id"] == name else each for each in cells]


def test_outputs_counts_lists_of_lines_and_checksums_are_no_edits() -> None:
    base = [cell("a", "x = 1\ny = 2", grade=True, points=1.0, locked=True)]
    (saved,) = base
    saved = {
        **saved,
        "source": ["x = 1\n", "y = 2"],
        "outputs": [{"output_type": "stream"}],
        "execution_count": 3,
        "metadata": {
            "collapsed": True,
            "nbgrader": {**saved["metadata"]["nbgrader"], "points": 1, "checksum": "c", "task": False},
        },
    }
    merged = merge_cells(recorded(base), [saved], base)
    assert not merged.changed
    assert not merged.edited
    assert not merged.conflicts
    assert merged.cells == (saved,)


@pytest.mark.parametrize(
    ("base", "mine", "new", "expected"),
    [
        ("a b c", "a b c", "a b n c", "a b n c"),  # a new cell
        ("a b c", "a b c", "a c", "a c"),  # one that is no longer there
        ("a b c", "a b c", "c a b", "c a b"),  # another order
        ("a b c", "a x b c", "a b c n", "a x b c n"),  # the instructor has added one
        ("a b c", "x a b c", "a b n c", "x a b n c"),
        ("a b c", "a b c x", "a b c n", "a b c x n"),
        ("a b c", "a c", "a b c n", "a c n"),  # … deleted one
        ("a b c", "c a b", "a b n c", "c a b n"),  # … moved one
        ("a b c", "a x b c", "n b c", "n x b c"),  # the neighbour above gives way to another
        ("", "x", "a b", "x a b"),
    ],
)
def test_both_sides_changes_are_kept(base: str, mine: str, new: str, expected: str) -> None:
    merged = merge_cells(recorded(notebook(base)), notebook(mine), notebook(new))
    assert ids(merged.cells) == expected
    assert not merged.conflicts
    assert list(merged.base) == recorded(notebook(new))


def test_an_edit_stays_and_what_was_left_alone_follows_the_course() -> None:
    base = notebook("a b")
    merged = merge_cells(recorded(base), edited(base, "a", "mine"), edited(base, "b", "new"))
    assert [each["source"] for each in merged.cells] == ["mine", "new"]
    assert merged.edited
    assert merged.changed
    assert not merged.conflicts


@pytest.mark.parametrize(("choice", "kept"), [(Choice.LATER, "mine"), (Choice.MINE, "mine"), (Choice.NEW, "new")])
def test_a_conflict_is_put_off_or_settled(choice: Choice, kept: str) -> None:
    base = notebook("a b")
    mine, new = edited(base, "a", "mine"), edited(base, "a", "new")
    merged = merge_cells(recorded(base), mine, new, choice)
    assert merged.cells[0]["source"] == kept
    (conflict,) = merged.conflicts
    assert (conflict.mine, conflict.new) == ("mine", "new")
    again = merge_cells(merged.base, merged.cells, new)
    assert bool(again.conflicts) == (choice is Choice.LATER)


def test_an_edited_cell_that_the_course_gives_up_is_a_conflict() -> None:
    base = notebook("a b c")
    for choice, kept in ((Choice.LATER, "a b c"), (Choice.MINE, "a b c"), (Choice.NEW, "a c")):
        merged = merge_cells(recorded(base), edited(base, "b", "mine"), notebook("a c"), choice)
        assert ids(merged.cells) == kept
        assert len(merged.conflicts) == 1
        again = merge_cells(merged.base, merged.cells, notebook("a c"))
        assert bool(again.conflicts) == (choice is Choice.LATER)
        assert ids(again.cells) == kept


def test_a_reworded_text_is_the_same_cell_though_its_id_is_another() -> None:
    base = notebook("a m1 b")
    new = [base[0], cell("m2", "reworded"), base[2]]
    assert ids(merge_cells(recorded(base), base, new).cells) == "a m2 b"
    (conflict,) = merge_cells(recorded(base), edited(base, "m1", "mine"), new).conflicts
    assert (conflict.mine, conflict.new) == ("mine", "reworded")


def test_a_deleted_check_comes_back_and_another_cell_does_not() -> None:
    base = [cell("a"), cell("t", grade=True), cell("u", grade=True)]
    merged = merge_cells(recorded(base), [base[2]], base, required={"t"})
    assert ids(merged.cells) == "t u"


def test_without_ids_cells_are_known_by_nbgraders_id_or_by_their_text() -> None:
    base = [cell("a"), cell("b"), cell("t", grade=True)]
    mine = [{key: value for key, value in each.items() if key != "id"} for each in base]
    mine[2]["source"] = "edited"
    merged = merge_cells(recorded(base), mine, [*base, cell("n")])
    assert [each["source"] for each in merged.cells] == ["text of a", "text of b", "edited", "text of n"]


def test_a_copied_check_is_an_addition() -> None:
    base = [cell("t", grade=True), cell("u", grade=True)]
    mine = [base[0], {**base[0], "id": "copy"}, base[1]]
    assert ids(merge_cells(recorded(base), mine, base).cells) == "t copy u"


def test_without_a_record_every_difference_is_asked_about_and_nothing_else() -> None:
    mine = edited(notebook("a b c"), "b", "mine")
    merged = merge_cells([], mine, notebook("a b c"))
    assert [conflict.name for conflict in merged.conflicts] == ["the cell “text of b”"]
    assert not merge_cells([], notebook("a b x"), notebook("a b")).conflicts


versions = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)
texts = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["1", "2"]))


@given(versions, versions, versions, texts, texts)
def test_nothing_is_lost_or_doubled_and_a_second_time_changes_nothing(
    base: list[str], mine: list[str], new: list[str], edits: dict[str, str], changes: dict[str, str]
) -> None:
    before = [cell(name, f"{name} 0") for name in base]
    present = [cell(name, f"{name} {edits.get(name, 0)}") for name in mine]
    after = [cell(name, f"{name} {changes.get(name, 0)}") for name in new]
    merged = merge_cells(recorded(before), present, after, Choice.MINE)
    kept = {each["id"]: each["source"] for each in merged.cells}
    assert len(kept) == len(merged.cells)
    for each in present:  # whatever the instructor has written or added is there
        if each["id"] in edits or each["id"] not in base:
            assert kept[each["id"]] == each["source"]
    again = merge_cells(merged.base, merged.cells, after)
    assert not again.conflicts
    assert not again.changed


@pytest.mark.parametrize(
    ("base", "mine", "new", "text", "conflict"),
    [
        ("1", "1", "2", "2", False),
        ("1", "m", "1", "m", False),
        ("1", "2", "2", "2", False),
        ("1", "m", "2", "m", True),
        ("", "m", "2", "m", True),
        ("", "2\r\n", "2\n", "2\r\n", False),  # another system's ends of lines
    ],
)
def test_a_text_is_merged_as_a_whole(base: str, mine: str, new: str, text: str, conflict: bool) -> None:
    merged = merge_text(digest(base) if base else "", mine, new)
    assert merged.text == text
    assert bool(merged.conflicts) == conflict
    assert merge_text(digest(base) if base else "", mine, new, Choice.NEW).text in (new, text if not conflict else new)
