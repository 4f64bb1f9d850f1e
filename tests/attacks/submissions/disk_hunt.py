# tries: to find suite, solution, configuration or results on the disk
# must not: find a file of the course or of another student
# lost: add=failed
import os

from honest import *

WANTED = ("test_hidden.py", "course.toml", "assignment.toml", "grader.sqlite")


def add(a, b):
    seen = 0
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if name not in ("python3.11", "share", "proc", "sys")]
        for name in files:
            seen += 1
            if name in WANTED or (name == "attackme.py" and not folder.startswith(os.getcwd())):
                with open(os.path.join(folder, name), "rb") as file:
                    print("found", folder, name, file.read(2000))
        if seen > 20_000:
            break
    return np.zeros(len(a))
