"""Proof of a suite: whom it must give all marks, whom none, and which marks each known mistake must cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from grader.course.examples import Mistake, alternatives, read_mistakes
from grader.course.table import read_text
from grader.errors import SubmissionError, SuiteError
from grader.grading.adversaries import ADVERSARIES
from grader.grading.examiner_client import Examined, ExaminerClient
from grader.grading.intake import decode_source, parse_notebook
from grader.grading.scoring import score_tests
from grader.model import Assignment, Course, Outcome, SubmissionFiles, TestResult, TestSpec
from grader.sandbox.imports import imported_modules, missing_framework

# A test that one honest draw in fifty fails would fail eight students of four hundred.
SEEDS = 50
# With how many of the seeds a mistake meets the tests that it must not cost. A slip here would be a false word in the
# mistake's head and no student's loss, and these are nine in ten of all tests that a proof runs.
SEEDS_ELSEWHERE = 10


@dataclass(frozen=True, slots=True)
class Proof:
    """One row of the table that ``grader verify`` prints."""

    kind: str  # reference, stub, alternative, mistake or adversary
    name: str
    expected: str
    found: str
    problems: tuple[str, ...]  # empty: as it should be

    @property
    def holds(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class Verification:
    """The proof of one assignment's suite."""

    assignment: str
    proofs: tuple[Proof, ...]
    seeds: int

    @property
    def holds(self) -> bool:
        return all(proof.holds for proof in self.proofs)


def verify_assignment(
    course: Course,
    assignment: Assignment,
    specs: tuple[TestSpec, ...],
    stub: str,
    *,
    sandbox: str,
    seeds: int = SEEDS,
    report: Callable[[Proof], object] = lambda _proof: None,
    started: Callable[[ExaminerClient], None] = lambda _client: None,
) -> Verification:
    """Run the reference, the stub, every alternative, every mistake and every adversary.

    :param stub: the untouched stub's text.
    :param report: called with every proof as it is found.
    :param started: called with the examiner before it is warm, so that it can be killed.
    Raises SuiteError where suite or examples are malformed, InfrastructureError where the sandbox fails.
    """
    reference = script(assignment, read_text(assignment.solution, remedy="mend the solution source"))
    mistakes = read_mistakes(assignment, frozenset(spec.name for spec in specs))
    # Lines that timed runs decide are proven by gpu_runner/proving.py.
    specs = tuple(spec for spec in specs if not spec.timed)
    names = {spec.name for spec in specs}
    mistakes = tuple(replace(each, caught_by=tuple(filter(names.__contains__, each.caught_by))) for each in mistakes)
    others = [read_alternative(assignment, path) for path in alternatives(assignment)]
    preload = set().union(*(imported_modules(f.source, notebook=f.cells is not None) for f in (reference, *others)))
    client = ExaminerClient(
        assignment,
        course.seed,
        sandbox=sandbox,
        suites=tuple(map(str, assignment.suites)),
        preload=tuple(sorted(preload)),
        started=started,
    )
    proofs: list[Proof] = []

    def add(proof: Proof) -> None:
        proofs.append(proof)
        report(proof)

    all_seeds = tuple(range(seeds))
    try:
        add(_collected(specs, client))
        add(_right("reference", assignment.solution.name, specs, client.examine("", reference, seeds=all_seeds)))
        add(_untouched(specs, client.examine("", script(assignment, stub))))
        for path, files in zip(alternatives(assignment), others, strict=True):
            lacking = missing_framework(files)
            if lacking:
                add(Proof("alternative", path.name, "all marks", f"not tried here: {lacking} is not installed", ()))
            else:
                add(_right("alternative", path.name, specs, client.examine("", files, seeds=all_seeds)))
        for mistake in mistakes:
            wrong = script(assignment, mistake.applied_to(reference.source))
            rounds = rounds_of(mistake, specs)
            add(_mistaken(mistake, specs, client.examine("", wrong, seeds=all_seeds, rounds=rounds)))
        for adversary in ADVERSARIES:
            add(_adverse(adversary, specs, client.examine("", reference, adversary=adversary)))
    finally:
        client.close()
    return Verification(assignment.name, tuple(proofs), seeds)


def count_proofs(assignment: Assignment) -> int:
    """How many proofs :func:`verify_assignment` will report."""
    mistakes = len(list((assignment.autotests / "mistakes").glob("*.py")))
    return len(("suite", "reference", "stub")) + len(alternatives(assignment)) + mistakes + len(ADVERSARIES)


def script(assignment: Assignment, text: str) -> SubmissionFiles:
    """A submission of one script."""
    entry = f"{assignment.name}.py"
    return SubmissionFiles(assignment.name, entry, {entry: text.encode()})


def read_alternative(assignment: Assignment, path: Path) -> SubmissionFiles:
    """An alternative as the submission that it would be; SuiteError where it cannot be read."""
    entry = f"{assignment.name}{path.suffix}"
    try:
        data = path.read_bytes()
        if path.suffix == ".ipynb":
            return SubmissionFiles(assignment.name, entry, {entry: data}, parse_notebook(path.name, data))
        return SubmissionFiles(assignment.name, entry, {entry: decode_source(path.name, data).encode()})
    except OSError as error:
        raise SuiteError(f"cannot be read: {error.strerror}", where=path, remedy="make it a readable file") from error
    except SubmissionError as error:
        raise SuiteError(f"this alternative cannot be graded: {error.what}", where=path, remedy="correct it") from error


def _collected(specs: Iterable[TestSpec], client: ExaminerClient) -> Proof:
    marked, collected = {spec.name for spec in specs}, set(client.tests)
    problems = [f"{name} carries marks but is not collected" for name in sorted(marked - collected)]
    problems += [f"{name} is collected but carries no marks" for name in sorted(collected - marked)]
    return Proof("suite", "tests with marks", str(len(marked)), str(len(collected)), tuple(problems))


def _by_seed(specs: tuple[TestSpec, ...], examined: Examined) -> dict[int, dict[str, TestResult]]:
    """Results by seed and test; a test that draws nothing has run with the first seed only and stands for all."""
    first = {result.name: result for result in score_tests(specs, examined.cases.get(0, {}))}
    results = {}
    for seed, cases in examined.cases.items():
        own = {result.name: result for result in score_tests(specs, cases) if result.name in cases}
        results[seed] = {**first, **own}
    return results


def _unsteady(results: Mapping[int, Mapping[str, TestResult]]) -> list[str]:
    """Tests whose verdict depends on the seed."""
    problems = []
    for name, first in results.get(0, {}).items():
        odd = [seed for seed, tests in results.items() if tests[name].earned != first.earned]
        if odd:
            problems.append(
                f"{name}: {first.outcome} ({first.earned:g}) with seed 0, but "
                f"{results[odd[0]][name].outcome} ({results[odd[0]][name].earned:g}) with seed {odd[0]}"
            )
    return problems


def _failure(examined: Examined) -> list[str]:
    problems = []
    if examined.load_failure is not None:
        problems.append(f"it does not load: {examined.load_failure.traceback or examined.load_failure.message}")
    return problems


def _said(result: TestResult) -> str:
    return f"{result.name}: {result.outcome}" + (f", {result.message}" if result.message else "")


def _right(kind: str, name: str, specs: tuple[TestSpec, ...], examined: Examined) -> Proof:
    results = _by_seed(specs, examined)
    problems = _failure(examined)
    problems += [_said(result) for result in results.get(0, {}).values() if result.outcome is not Outcome.PASSED]
    problems += _unsteady(results)
    return Proof(kind, name, "all marks", _marks(results), tuple(problems))


def _untouched(specs: tuple[TestSpec, ...], examined: Examined) -> Proof:
    results = _by_seed(specs, examined)
    problems = _failure(examined)
    problems += [f"{result.name} gives {result.earned:g}" for result in results.get(0, {}).values() if result.earned]
    return Proof("stub", "untouched", "no mark", _marks(results), tuple(problems))


def _mistaken(mistake: Mistake, specs: tuple[TestSpec, ...], examined: Examined) -> Proof:
    results = _by_seed(specs, examined)
    problems = _failure(examined)
    allowed = dependents(specs, mistake.caught_by)
    for seed, tests in results.items():
        lost = {name for name, result in tests.items() if result.earned < result.points}
        with_seed = f"with seed {seed} " if seed else ""
        problems += [f"{with_seed}{name} does not catch it" for name in mistake.caught_by if name not in lost]
        problems += [f"{with_seed}it also costs marks in {_said(tests[name])}" for name in sorted(lost - allowed)]
        told = [tests[name] for name in mistake.caught_by if name in lost]
        if told and not any(mistake.hint.lower() in f"{result.hint}\n{result.message}".lower() for result in told):
            problems.append(f"{with_seed}no hint of these tests says {mistake.hint!r}")
        if problems:
            break  # the first seed that shows it is enough
    expected = f"lost: {', '.join(mistake.caught_by)}" if mistake.caught_by else "no mark of the suites lost"
    return Proof("mistake", mistake.name, expected, _marks(results), tuple(problems))


def rounds_of(mistake: Mistake, specs: tuple[TestSpec, ...]) -> dict[str, int]:
    """With how many seeds each test meets a mistake, where not with all: what it may cost besides decides nothing."""
    besides = dependents(specs, mistake.caught_by)
    return {
        spec.name: 1 if spec.name in besides else SEEDS_ELSEWHERE
        for spec in specs
        if spec.name not in mistake.caught_by
    }


def dependents(specs: Iterable[TestSpec], names: Iterable[str]) -> set[str]:
    """These tests and all that need them, directly or through others."""
    found = set(names)
    specs = tuple(specs)
    while True:
        more = {spec.name for spec in specs if spec.name not in found and found.intersection(spec.needs)}
        if not more:
            return found
        found |= more


def _adverse(adversary: str, specs: tuple[TestSpec, ...], examined: Examined) -> Proof:
    marked = {spec.name for spec in specs}
    reached = [name for name, count in examined.replaced.items() if count and name in marked]
    problems = [f"{name} accepts it" for name in reached if name in examined.accepted]
    found = f"{len(reached)} tests met it" if reached else "no test met it"
    return Proof("adversary", f"every answer is {adversary}", "no mark", found, tuple(_failure(examined) + problems))


def _marks(results: Mapping[int, Mapping[str, TestResult]]) -> str:
    first = results.get(0, {}).values()
    return f"{sum(result.earned for result in first):g} of {sum(result.points for result in first):g}"
