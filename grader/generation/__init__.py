"""Solution sources → what students receive: text → text, the same bytes each time.

markers → stub → notebook, handout (render) and visible tests; leak lint; write. See :func:`generate`.
"""

from grader.generation.markers import Region, parse_regions
from grader.generation.stub import make_stub
from grader.generation.write import FileState, Generated, generate, generate_texts

__all__ = ["FileState", "Generated", "Region", "generate", "generate_texts", "make_stub", "parse_regions"]
