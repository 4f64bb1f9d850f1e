"""Write the expected files anew, after a change of the generator that is meant.

Run ``python tests/goldens/generation/regenerate.py``, and
read the difference with ``git diff`` before committing it. The tests never write here.
"""

from pathlib import Path

from grader.course import load_course
from grader.generation import generate_texts

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    for assignment in load_course(HERE / "course").assignments:
        for name, text in generate_texts(assignment).items():
            (HERE / "expected" / name).write_text(text, encoding="utf-8", newline="\n")
            print(HERE / "expected" / name)
