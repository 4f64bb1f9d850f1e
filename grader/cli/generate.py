"""``grader generate``: solution sources → assignments/."""

from __future__ import annotations

import click

from grader.cli.common import assignments_argument, json_option, open_course, print_json, shown_path

LONGEST_DIFF = 40  # lines of a diff that are printed; more scroll the list of files away


@click.command()
@assignments_argument
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where assignments/ is not what would be generated.")
@json_option
def generate(assignments: tuple[str, ...], check: bool, as_json: bool) -> int:
    """Write the students' versions of the assignments (all of them without a name).

    For each: the stub and its notebook, the handout README.md and test_visible.py, in assignments/. Nothing is written
    where a marker, a mark or a suite is invalid, or where a solution, a hidden test or a mistake would leak.
    """
    from grader.generation import FileState
    from grader.generation import generate as generate_files

    results = generate_files(open_course(), assignments, check=check)
    off = [result for result in results if result.state is not FileState.SAME]
    failed = check and bool(off)
    if as_json:
        files = [{"assignment": r.assignment, "path": shown_path(r.path), "state": r.state} for r in results]
        print_json({"ok": not failed, "written": not check, "files": files})
        return int(failed)
    for result in off:
        if result.state is FileState.EXTRA:
            click.echo(f"extra    {shown_path(result.path)}: not generated; move it elsewhere")
        elif check:
            click.echo(f"{result.state:<8} {shown_path(result.path)}")
            diff = result.diff.splitlines()
            for line in diff[:LONGEST_DIFF]:
                click.echo(f"    {line}")
            if len(diff) > LONGEST_DIFF:
                click.echo(f"    … {len(diff) - LONGEST_DIFF} more lines")
        else:
            click.echo(f"wrote    {shown_path(result.path)}")
    if failed:
        click.echo(f"{len(off)} of {len(results)} files are not as generated; run: grader generate", err=True)
        return 1
    ours = [result for result in results if result.state is not FileState.EXTRA]
    click.echo(f"{len(ours)} files, {sum(result.state is FileState.SAME for result in ours)} unchanged")
    return 0
