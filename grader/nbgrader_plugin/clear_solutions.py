"""nbgrader's ClearSolutions, with what our solution sources say beyond it: STUB lines, and a message with a name."""

# nbgrader does not say that it has annotations.
# mypy: disable-error-code="import-untyped, misc"
from __future__ import annotations

from pathlib import Path
from typing import Any

from nbgrader.preprocessors import ClearSolutions as NbgraderClearSolutions

from grader.generation.markers import BEGIN, parse_regions
from grader.generation.stub import MESSAGE, scope_of


class ClearSolutions(NbgraderClearSolutions):
    """In a solution cell with a region, students get its STUB lines, or a line that says which function is missing.

    So a released cell is the one of `grader generate`. Whatever has no region of ours (an instructor's own answer
    cells, markdown, other languages) is cleared as nbgrader does it.
    """

    def _replace_solution_region(self, cell: Any, language: str) -> bool:
        """Called by nbgrader for every cell; see there.

        :returns: whether there was a region.
        :raises MarkerError: a marker of ours is stray, nested or misspelt.
        """
        if cell.cell_type != "code" or language != "python" or BEGIN not in cell.source:
            replaced: bool = super()._replace_solution_region(cell, language)
            return replaced
        named = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        cell.source = _stub(cell.source, Path(f"cell {named}"), self.code_stub[language])
        return True


def _stub(source: str, path: Path, otherwise: str) -> str:
    """The cell without its solutions.

    :param otherwise: nbgrader's stub, for a region without STUB lines that stands in no function.
    """
    lines = source.splitlines()
    stub: list[str] = []
    position = 0
    for region in parse_regions(source, path):
        stub += lines[position : region.begin - 1]
        scope = "" if region.stub else scope_of(source, region)
        if region.stub:
            new = list(region.stub)
        elif scope:
            new = [f'raise NotImplementedError("{MESSAGE.format(name=scope)}")']
        else:
            new = otherwise.split("\n")
        stub += [f"{region.indent}{line}".rstrip() for line in new]
        position = region.end
    return "\n".join([*stub, *lines[position:]])
