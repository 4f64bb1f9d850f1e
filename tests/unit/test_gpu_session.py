"""A session: which seeds are run in which order, what is repeated, and how it is ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from gpu_runner import session as sessions
from gpu_runner.devices.base import COST
from gpu_runner.judgement import counting, needs_more_runs, training_of
from gpu_runner.session import MAX_VOID_RUNS, REFERENCE_TRIES, Session, TimedTask, secret_seeds
from grader.errors import InfrastructureError, SuiteError, TaskError
from grader.model import CurvePoint, Outcome, SubmissionFiles, TrainingRun
from tests.fakes.device import CENTROIDS, TIMED, FakeDevice, OneBox, handed_in, quick, stripes, task

SEEDS = (11, 12, 13, 14, 15)
POOL = stripes()
Open = Callable[..., Session]

SLEEPS = "import time\ndef train(images, labels, *, seed, device): time.sleep(60)\ndef predict(model, images): pass"


@pytest.fixture(scope="module")
def box() -> Iterator[OneBox]:
    one = OneBox()
    yield one
    one.end()


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice()


@pytest.fixture
def opened(box: OneBox, device: FakeDevice) -> Iterator[Open]:
    """``opened(task=…)``: a session on the test's device."""
    made: list[Session] = []

    def open_one(timed_task: TimedTask | None = None) -> Session:
        made.append(Session(timed_task or task(), POOL, device, box, SEEDS))
        return made[-1]

    yield open_one
    for session in made:
        session.close()


def run_all(session: Session, source: str | SubmissionFiles = CENTROIDS, **more: Any) -> list[TrainingRun]:
    files = handed_in(source) if isinstance(source, str) else source
    recorded: list[TrainingRun] = []
    runs = session.run_submission(files, more.pop("before", ()), recorded.append, **more)
    assert recorded == runs[len(runs) - len(recorded) :]
    return runs


# seeds ----------------------------------------------------------------------------------------------------------------


def test_secret_seeds() -> None:
    seeds = secret_seeds(200)
    assert len(set(seeds)) == 200
    assert all(seed == int(float(seed)) and 0 <= seed < 2**53 for seed in seeds)
    assert max(seeds) > 2**50


def test_a_session_needs_a_seed_for_every_run(box: OneBox) -> None:
    with pytest.raises(ValueError, match="a seed for every run"):
        Session(task(), POOL, FakeDevice(), box, SEEDS[:4])


def test_every_submission_gets_the_same_draws_in_the_same_order(opened: Open) -> None:
    session = opened()
    session.run_reference()
    first = run_all(session)
    second = run_all(session, CENTROIDS + "\n# another student's")
    assert [run.seed for run in first] == [run.seed for run in second] == [11, 12, 13]
    assert [run.accuracy for run in first] == [run.accuracy for run in second] == [1.0] * 3
    assert len({run.conditions["code_sha256"] for run in first + second}) == 2


def test_the_reference_takes_the_submissions_seeds_in_turn(opened: Open) -> None:
    session = opened()
    assert [session.run_reference().seed for _ in range(5)] == [11, 12, 13, 11, 12]
    assert session.run_reference(seed=15).seed == 15
    assert len(session.references) == 6


# disturbances ---------------------------------------------------------------------------------------------------------


def test_a_disturbed_reference_is_repeated(opened: Open, device: FakeDevice) -> None:
    session = opened()
    device.disturbed = ["somebody else", ""]
    aside: list[TrainingRun] = []
    run = session.run_reference(set_aside=aside.append)
    assert [(each.disturbed, each.seed) for each in aside] == [("somebody else", 11)]
    assert (run.disturbed, run.seed) == ("", 11)
    assert session.references == [run]
    assert len(device.watched) == 2


def test_a_reference_that_stays_disturbed_is_kept_with_the_remark(opened: Open, device: FakeDevice) -> None:
    session = opened()
    device.disturbed = ["somebody else"] * 50
    run = session.run_reference()
    assert (run.outcome, run.disturbed) == (Outcome.PASSED, "somebody else")
    assert len(device.watched) == REFERENCE_TRIES


def test_a_reference_that_fails_is_the_tasks_mistake(opened: Open) -> None:
    broken = task(
        reference="def train(images, labels, *, seed, device): return 1 / 0\ndef predict(model, images): pass"
    )
    with pytest.raises(SuiteError, match="does not train: error, train raised ZeroDivisionError") as caught:
        opened(broken).run_reference()
    assert caught.value.where == "solutions/stripes/assignment.toml"
    assert "grader verify stripes" in caught.value.remedy


def test_a_reference_that_fails_while_it_is_disturbed_is_the_machines(opened: Open, device: FakeDevice) -> None:
    device.disturbed = ["somebody took the memory"] * 50
    with pytest.raises(InfrastructureError, match="cannot be run on fake-0: somebody took the memory"):
        opened(task(reference="def train(*a, **k): raise MemoryError\ndef predict(m, i): pass")).run_reference()


def test_without_a_reference_there_is_no_limit(opened: Open) -> None:
    with pytest.raises(TaskError, match="no run of the reference"):
        run_all(opened())


LATE = "import time\n" + CENTROIDS.replace("    return np.stack", "    time.sleep(0.15)\n    return np.stack")
STRICT = quick(floor_seconds=0.1, multiple=1.01, hard_stop=20.0)


def test_a_void_run_is_repeated_with_its_own_seed(opened: Open, device: FakeDevice) -> None:
    session = opened(task(STRICT))
    session.run_reference()
    device.disturbed = ["", "somebody else", "somebody else", ""]
    runs = run_all(session, LATE)
    assert [run.seed for run in runs] == [11, 12, 12, 12, 13]
    assert [bool(run.disturbed) for run in runs] == [False, True, True, False, False]
    training = training_of(STRICT, runs, session.references, "fake-0")
    assert (len(training.runs), training.accuracy) == (5, 1.0)


def test_a_disturbed_run_within_the_limit_counts(opened: Open, device: FakeDevice) -> None:
    session = opened()
    session.run_reference()
    device.disturbed = ["somebody else"] * 50
    assert [run.seed for run in run_all(session)] == [11, 12, 13]


def test_void_runs_are_bounded_and_charged_to_nobody(opened: Open, device: FakeDevice) -> None:
    session = opened(task(STRICT))
    session.run_reference()
    device.disturbed = ["somebody else"] * 50
    recorded: list[TrainingRun] = []
    with pytest.raises(InfrastructureError, match="disturbed again and again: somebody else"):
        session.run_submission(handed_in(LATE), (), recorded.append)
    assert [run.seed for run in recorded] == [11] * (MAX_VOID_RUNS + 1)
    device.disturbed = []
    runs = run_all(session, LATE, before=recorded)  # as the next session finds them
    assert [run.seed for run in runs[len(recorded) :]] == [11, 12, 13]


def test_a_repeated_run_is_given_what_its_neighbours_took(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    session = opened()
    session.run_reference()
    stops: list[float] = []

    def half_taken(*arguments: Any, hard_stop_seconds: float, **more: Any) -> TrainingRun:
        stops.append(hard_stop_seconds)
        cost = {COST: hard_stop_seconds / 2}
        return TrainingRun(11, Outcome.TIMEOUT, hard_stop_seconds, None, 40, "fake-0", disturbed="x", conditions=cost)

    monkeypatch.setattr(sessions, "run_once", half_taken)
    runs = run_all(session, LATE)
    given = session.task.timed.hard_stop * session.limit_seconds
    assert stops == pytest.approx([given, 2 * given])
    assert counting(runs, session.limit_seconds) == (runs[1],)


# how many runs --------------------------------------------------------------------------------------------------------


def test_runs_of_an_earlier_session_count(opened: Open, device: FakeDevice) -> None:
    session = opened()
    session.run_reference()
    before = run_all(session)[:2]
    watched = len(device.watched)
    runs = run_all(session, before=before)
    assert runs[:2] == before
    assert [run.seed for run in runs] == [11, 12, 13]
    assert len(device.watched) == watched + 1


def test_one_failure_settles_it(opened: Open) -> None:
    session = opened()
    session.run_reference()
    runs = run_all(session, "def train(images, labels, *, seed, device): return [][1]\ndef predict(m, i): pass")
    assert [run.outcome for run in runs] == [Outcome.ERROR]


def test_near_a_threshold_there_are_more_runs_up_to_the_most(opened: Open) -> None:
    """Right for nine images of ten, which is the threshold itself: it cannot be decided."""
    near = CENTROIDS + "\nright = predict\ndef predict(model, images):\n    answer = right(model, images)\n"
    near += "    answer[::10] += 1\n    return answer"
    session = opened()
    session.run_reference()
    runs = run_all(session, near)
    assert [run.accuracy for run in runs] == [0.9] * TIMED.max_seeds
    assert [run.seed for run in runs] == list(SEEDS)
    assert not needs_more_runs(TIMED, runs, session.limit_seconds)


def test_rules_of_its_own_about_how_many_runs_are_needed(opened: Open) -> None:
    session = opened()
    session.run_reference()
    assert len(run_all(session, timed=replace(TIMED, seeds=1, full=0.7))) == 1


# the clock ------------------------------------------------------------------------------------------------------------


def test_the_limit_is_that_of_the_references(opened: Open) -> None:
    session = opened(task(quick(multiple=1000.0, floor_seconds=0.0)))
    seconds = [session.run_reference().seconds for _ in range(3)]
    assert session.limit_seconds == pytest.approx(1000 * sorted(seconds)[1])
    floor = opened(task(quick(multiple=1.5, floor_seconds=50.0)))
    floor.run_reference()
    assert floor.limit_seconds == 50


def test_a_run_is_ended_at_its_hard_stop(opened: Open) -> None:
    """1.5 times the limit, which is the floor here."""
    session = opened(task(quick(floor_seconds=0.4, multiple=1.01, hard_stop=1.5)))
    session.run_reference()
    start = time.monotonic()
    (run,) = run_all(session, SLEEPS)
    assert run.outcome is Outcome.TIMEOUT
    assert 1.5 * session.limit_seconds <= run.seconds < 1.5 * session.limit_seconds + 3
    assert time.monotonic() - start < 10


def test_the_first_reference_has_time_and_later_ones_are_held_to_it(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    stops: list[float] = []
    once = sessions.run_once

    def run_once(*arguments: Any, hard_stop_seconds: float, **more: Any) -> TrainingRun:
        stops.append(hard_stop_seconds)
        return once(*arguments, hard_stop_seconds=hard_stop_seconds, **more)

    monkeypatch.setattr(sessions, "run_once", run_once)
    session = opened()
    session.run_reference()
    assert stops == [TIMED.hard_stop * 600]
    run_all(session)
    assert stops[1:] == [TIMED.hard_stop * session.limit_seconds] * 3


def test_points_are_told_while_it_runs(opened: Open) -> None:
    session = opened()
    session.run_reference()
    points: list[CurvePoint] = []
    source = CENTROIDS.replace("device):", "device, log):\n    log(1, 0.5)")
    run_all(session, source, tell=points.append)
    assert [(point.epoch, point.loss) for point in points] == [(1, 0.5)] * 3


# the end --------------------------------------------------------------------------------------------------------------


def test_kill_ends_the_run_under_way_at_once(opened: Open, device: FakeDevice) -> None:
    session = opened(task(quick(floor_seconds=60.0)))
    session.run_reference()
    began, watched, recorded = threading.Event(), len(device.watched), []

    def kill() -> None:
        began.wait(10)
        session.kill()

    watch = device.watch

    def watched_run(*arguments: Any) -> Any:
        began.set()
        return watch(*arguments)

    device.watch = watched_run  # type: ignore[method-assign]
    killer = threading.Thread(target=kill)
    killer.start()
    start = time.monotonic()
    with pytest.raises(InfrastructureError, match="interrupted"):
        session.run_submission(handed_in(SLEEPS), (), recorded.append)
    assert time.monotonic() - start < 1 + 2  # a second, and what a busy machine takes to start it
    killer.join()
    assert recorded == [], "nobody is charged with it"
    assert len(device.watched) == watched + 1


def test_after_kill_nothing_runs_any_more(opened: Open) -> None:
    session = opened()
    session.run_reference()
    session.kill()
    session.kill()
    with pytest.raises(InfrastructureError, match="interrupted"):
        run_all(session)
    with pytest.raises(InfrastructureError, match="interrupted"):
        session.run_reference()
    assert len(session.references) == 1


def test_a_device_that_fails_lets_go_of_the_warm_process(opened: Open, device: FakeDevice, box: OneBox) -> None:
    session = opened()
    session.run_reference()
    asked = box.asked
    device.left = ["a process of nobody's"]
    with pytest.raises(InfrastructureError, match="not free after a run"):
        run_all(session)
    assert len(run_all(session)) == 3
    assert box.asked == asked + 1


def test_closing_twice_is_harmless(opened: Open) -> None:
    session = opened()
    with session:
        session.run_reference()
    session.close()


# draws ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    made: list[Any] = []

    def draw(*arguments: Any) -> Any:
        made.append(real(*arguments))
        return made[-1]

    real = sessions.draw
    monkeypatch.setattr(sessions, "draw", draw)
    return made


def test_draws_are_made_once_and_kept_for_all(opened: Open, drawn: list[Any]) -> None:
    session = opened()
    session.run_reference()
    run_all(session)
    run_all(session)
    assert [draw.seed for draw in drawn] == [11, 12, 13]
    session.close()
    assert {draw.images.descriptor for draw in drawn} == {-1}


def test_draws_take_no_more_than_so_much_memory(
    opened: Open, drawn: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = TIMED.train_images * 16  # the images, which are shared
    monkeypatch.setattr(sessions, "MAX_KEPT_BYTES", 2 * one)
    session = opened()
    session.run_reference()
    for _ in range(2):
        run_all(session)
        assert sum(draw.images.descriptor >= 0 for draw in drawn) == 2
    assert [draw.seed for draw in drawn] == [11, 12, 13, 11, 12, 13]


def test_a_draw_that_is_larger_than_that_is_still_made(
    opened: Open, drawn: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MAX_KEPT_BYTES", 1)
    session = opened()
    session.run_reference()
    assert len(run_all(session)) == 3
    assert sum(draw.images.descriptor >= 0 for draw in drawn) == 1
