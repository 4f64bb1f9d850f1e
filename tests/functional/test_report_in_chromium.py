"""The HTML report in headless Chromium: on a phone, without scripts, as a screen reader hears it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from grader.model import Outcome, ShownAs, Status
from grader.reports import leaderboard
from grader.reports.class_report import build
from grader.reports.html import render, render_leaderboard, student_file
from grader.reports.write import write_files
from tests.fakes import sample_reports, sample_training

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

playwright = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("no chromium on the path", allow_module_level=True)

FLAGS = [
    "--no-sandbox",  # the pages are ours, and root may not use Chromium's sandbox
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = student_file(sample_reports.hostile_report().student)
BOARDS = {f"leaderboard-{students}.html": students for students in (0, 1, 12, 400)}
TIMED = "timed.html"
PAGES = ("index.html", student_file("dorde-petrovic"), student_file("nils-berg"), HOSTILE, TIMED, *BOARDS)
WIDTHS = (320, 390, 768, 1280)  # the narrowest phone that WCAG 2.2 asks for, a usual one, a tablet, a desktop


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd 'report' #1")
    reports = sample_reports.reports()
    nils = next(report for report in reports if report.student == "nils-berg")
    pending = replace(nils, status=Status.NOT_GRADED, score=None, reason="The disk was full.", key="newer")
    everything = build(sample_reports.course(), [*reports, sample_reports.hostile_report()], pending=[pending])
    write_files(folder, render(everything))
    (folder / TIMED).write_text(timed_page(), encoding="utf-8")
    for name, students in BOARDS.items():
        course = sample_training.course(students, ShownAs.NAMES)
        made = leaderboard.build(course, course.assignments[0], sample_training.reports(students))
        (folder / name).write_text(render_leaderboard(made), encoding="utf-8")
    return folder


def timed_page() -> str:
    """The page of a student whose runs went every way."""
    course = sample_training.course(1)
    log = sample_training.curve(random.Random(1), 0.95)
    wrong = "<script>document.title='owned'</script>" + "W" * 200
    runs = [
        sample_training.run(
            0, 0.9535, 11.25, seed=2**63 - 1, curve=log, disturbed="Other processes took 41% of the core."
        ),
        sample_training.run(
            1, None, outcome=Outcome.MEMORY, message=wrong, traceback=wrong, curve=sample_training.nan_curve()
        ),
    ]
    everything = build(course, [sample_training.report(course.roster[0].id, sample_training.training(*runs))])
    return render(everything)[student_file(course.roster[0].id)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def open_page(browser: Browser, folder: Path, name: str, *, width: int = 390, **options: Any) -> tuple[Page, list[str]]:
    """A page and what it asked for or complained about: requests other than for itself, console messages, dialogs."""
    context = browser.new_context(viewport={"width": width, "height": 844}, **options)
    page = context.new_page()
    address = (folder / name).as_uri()
    heard: list[str] = []
    page.on("request", lambda request: heard.append(request.url) if request.url != address else None)
    page.on("console", lambda message: heard.append(message.text))
    page.on("dialog", lambda dialog: heard.append(dialog.message))
    page.goto(address)
    return page, heard


@pytest.mark.parametrize("name", PAGES)
def test_nothing_overflows(browser: Browser, folder: Path, name: str) -> None:
    page, _ = open_page(browser, folder, name)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        # Only what scrolls by itself (a wide table, a long line of code) may reach beyond the page.
        outside = page.evaluate(
            """() => [...document.querySelectorAll("body *")]
                .filter(e => !e.closest(".scroll, pre, .skip, .hidden") || e.matches(".scroll, pre"))
                .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
                .map(e => e.outerHTML.slice(0, 80))"""
        )
        assert outside == [], f"at {width} pixels"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_requested_and_nothing_complains(browser: Browser, folder: Path, name: str) -> None:
    page, heard = open_page(browser, folder, name)
    assert heard == []
    assert page.title() != "owned"
    page.context.close()


def test_all_text_is_there_without_javascript(browser: Browser, folder: Path) -> None:
    page, _ = open_page(browser, folder, PAGES[1], java_script_enabled=False)
    for text in ("Đorđe Petrović", "63 of 120 points", "SyntaxError: '(' was never closed", "Hint."):
        assert page.get_by_text(text).first.is_visible(), text
    passed = page.get_by_text("dropout_backward scales like the forward pass")
    assert not passed.is_visible()
    page.locator("summary", has_text="4 tests passed").last.click()
    assert passed.is_visible(), "a <details> opens without a script"
    page.context.close()


def test_screen_reader(browser: Browser, folder: Path) -> None:
    page, _ = open_page(browser, folder, "index.html")
    assert page.get_by_role("heading", level=1, name="Results of the class").count() == 1
    for title, _specs in sample_reports.SUITES.values():
        assert page.get_by_role("heading", level=2, name=title).count() == 1
        chart = page.get_by_role("img", name=f"{title}: how many submissions reached which share of the marks")
        assert chart.count() == 1
    assert page.get_by_role("table", name="Marks of each student").count() == 1
    assert page.get_by_role("table", name="How often each test passed").count() == 6
    table = page.get_by_role("table", name="Marks of each student")
    assert table.get_by_role("rowheader", name="Ben Okafor").count() == 1
    assert table.get_by_role("columnheader", name="gradient descent").count() == 1
    assert page.get_by_role("main").count() == page.get_by_role("navigation").count() == 1
    page.context.close()


def test_keyboard(browser: Browser, folder: Path) -> None:
    page, _ = open_page(browser, folder, "index.html")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the results")
    box = skip.bounding_box()
    assert box is not None
    assert box["x"] >= 0, "the skip link shows itself when it has the focus"
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    page.context.close()


@pytest.mark.parametrize("name", PAGES[:2])
def test_dark_and_light(browser: Browser, folder: Path, name: str) -> None:
    seen = {}
    for scheme in ("light", "dark"):
        page, _ = open_page(browser, folder, name, color_scheme=scheme)
        seen[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.context.close()
    assert seen == {"light": "rgb(250, 249, 246)", "dark": "rgb(22, 25, 28)"}


@pytest.mark.parametrize(("width", "shown"), [(390, "times-narrow-chart"), (1280, "times-wide-chart")])
def test_a_leaderboard_shows_the_chart_that_fits(browser: Browser, folder: Path, width: int, shown: str) -> None:
    page, _ = open_page(browser, folder, "leaderboard-12.html", width=width, java_script_enabled=False)
    chart = page.get_by_role("img", name="Accuracy against time")
    assert chart.count() == 1
    assert chart.get_attribute("aria-labelledby") == f"{shown}-title {shown}-desc"
    # 12 px in the drawing; a chart that is scaled down much could not be read.
    assert (
        page.evaluate("""e => e.getBoundingClientRect().width / e.viewBox.baseVal.width""", chart.element_handle())
        > 0.85
    )
    table = page.get_by_role("table", name="Students by rank")
    assert table.get_by_role("rowheader", name="Chiara Rossi").count() == 1
    page.context.close()


def test_links_lead_from_the_overview_to_a_student_and_back(browser: Browser, folder: Path) -> None:
    page, _ = open_page(browser, folder, "index.html", java_script_enabled=False)
    page.get_by_role("table", name="Marks of each student").get_by_role("link", name="Ben Okafor").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Ben Okafor"
    page.get_by_role("link", name="All results").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Results of the class"
    page.context.close()
