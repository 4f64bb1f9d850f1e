"""Each renderer against its golden; a missing golden fails."""

from __future__ import annotations

import pytest

from tests.goldens.reports.regenerate import FOLDER, texts

TEXTS = dict(texts())


@pytest.mark.parametrize("name", TEXTS)
def test_golden(name: str) -> None:
    expected = (FOLDER / name).read_bytes().decode("utf-8")
    assert TEXTS[name] == expected


def test_no_golden_is_left_over() -> None:
    files = {path.name for path in FOLDER.iterdir() if path.suffix in {".txt", ".csv", ".json", ".html"}}
    assert files == set(TEXTS)
