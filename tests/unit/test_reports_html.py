"""The HTML report by its markup; tests/functional/test_report_in_chromium.py opens it in a browser."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from grader.reports import html
from grader.reports.class_report import build
from grader.reports.html import render, student_file
from tests.fakes import sample_reports

VOID = {"meta", "link", "br", "img", "rect", "line", "hr"}


class Page(HTMLParser):
    """Checks that tags nest, and gathers tags, attributes and ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.headings: list[int] = []
        self.feed(text)
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return render(build(sample_reports.course(), [*sample_reports.reports(), sample_reports.hostile_report()]))


@pytest.fixture(scope="module")
def parsed(pages: dict[str, str]) -> dict[str, Page]:
    return {name: Page(text) for name, text in pages.items()}


def test_one_page_per_student_and_an_overview(pages: dict[str, str]) -> None:
    expected = {student_file(student.id) for student in sample_reports.ROSTER}
    expected |= {"index.html", student_file(sample_reports.hostile_report().student)}
    assert set(pages) == expected


def test_the_same_results_give_the_same_report(pages: dict[str, str]) -> None:
    again = render(build(sample_reports.course(), [*sample_reports.reports(), sample_reports.hostile_report()]))
    assert again == pages


def test_nothing_is_fetched_and_nothing_runs(pages: dict[str, str], parsed: dict[str, Page]) -> None:
    for name, page in parsed.items():
        assert not {"script", "img", "iframe", "object", "embed", "form", "video", "audio"} & set(page.tags), name
        assert [value for _, attribute, value in page.attributes if attribute.startswith("on")] == []
        assert page.values("src") == []
        for link in page.values("href"):
            assert link.startswith(("#", "data:,", "students/", "../index.html")), link
        assert "@import" not in pages[name]
        assert "url(" not in pages[name]
        assert "default-src 'none'" in pages[name]


def test_every_link_leads_somewhere(parsed: dict[str, Page]) -> None:
    ids = {name: page.values("id") for name, page in parsed.items()}
    for name, page in parsed.items():
        assert len(ids[name]) == len(set(ids[name])), f"{name}: an id twice"
        for link in page.values("href"):
            if link == "data:,":
                continue
            target, _, anchor = link.removeprefix("../").partition("#")
            assert not anchor or anchor in ids[target or name], f"{name}: {link}"
            assert not target or target in parsed, f"{name}: {link}"


def test_a_screen_reader_finds_its_way(parsed: dict[str, Page], pages: dict[str, str]) -> None:
    for name, page in parsed.items():
        assert '<html lang="en">' in pages[name]
        assert page.tags["main"] == page.tags["h1"] == 1
        assert page.headings[0] == 1
        steps = zip(page.headings, page.headings[1:], strict=False)
        assert all(after - before <= 1 for before, after in steps), f"{name}: a level of headings is left out"
        assert page.tags["caption"] == page.tags["table"]
        assert len(page.values("scope")) == page.tags["th"]
        assert set(page.values("scope")) == {"col", "row"}
        for reference in page.values("aria-labelledby"):
            assert set(reference.split()) <= set(page.values("id"))
    overview = pages["index.html"]
    assert overview.count('role="img"') == overview.count("</desc>") == 6


def test_a_students_page_says_nothing_of_the_others(pages: dict[str, str]) -> None:
    for student in sample_reports.ROSTER:
        page = pages[student_file(student.id)]
        for other in sample_reports.ROSTER:
            if other != student:
                assert other.id not in page
                assert other.name.replace("'", "&#39;") not in page


def test_lost_tests_come_first_and_their_hint_before_the_rest(pages: dict[str, str]) -> None:
    page = pages[student_file("ben-okafor")]
    for section in page.split("<section")[1:]:
        if "<article" in section and "<details" in section:
            assert section.rindex("<article") < section.index("<details")
        for article in section.split("<article")[1:]:
            body = article.split("</article>")[0]
            if 'class="hint"' in body and 'class="message"' in body:
                assert body.index('class="hint"') < body.index('class="message"')
    assert page.count("<strong>Hint.</strong>") > 3


def test_a_submission_without_a_mark_is_no_zero(pages: dict[str, str]) -> None:
    page = pages[student_file("samuel-adeyemi")]
    assert "This has not been graded yet, and no mark is lost." in page
    assert "64 of 100 points" in page


def test_hostile_text_stays_text(pages: dict[str, str], parsed: dict[str, Page]) -> None:
    name = student_file(sample_reports.hostile_report().student)
    for page in (pages[name], pages["index.html"]):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", page)
        page.encode("utf-8")
    assert "&lt;script&gt;" in pages[name]
    assert len(pages[name]) < 100_000, "300 000 characters of output are bounded"
    assert parsed[name].tags["b"] == 0


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    channels = (int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def schemes(page: str) -> Iterator[dict[str, str]]:
    for block in re.findall(r":root \{(.*?)\}", page, re.S):
        yield dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))


def test_text_contrasts_with_what_it_stands_on(pages: dict[str, str]) -> None:
    """WCAG 2.2 AA: 4.5 to 1."""
    found = list(schemes(pages["index.html"]))
    assert len(found) == 2, "light and dark"
    for colours in found:
        for ink, paper in [
            *((ink, paper) for ink in ("ink", "muted", "link", "good") for paper in ("paper", "card")),
            ("ink", "hint"),
            ("ink", "notice"),
            ("bad", "bad-paper"),
            ("bad", "paper"),
        ]:
            light, dark = sorted((luminance(colours[ink]), luminance(colours[paper])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, paper)


def test_every_text_of_a_template_is_cleaned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one field of a report reaches a page as it is."""
    seen: list[str] = []
    original = html.clean

    def spy(text: str, *arguments: int) -> str:
        seen.append(text)
        return original(text, *arguments)

    monkeypatch.setattr(html, "clean", spy)
    hostile = sample_reports.hostile_report()
    course = replace(sample_reports.course(), roster=())
    render(build(course, [replace(hostile, traceback="the load's traceback")]))
    test = hostile.tests[0]
    assert {hostile.output, hostile.notes[0], test.message, test.hint, test.traceback, test.output} <= set(seen)
