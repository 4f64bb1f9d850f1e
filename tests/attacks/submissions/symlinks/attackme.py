# tries: links to the suite, to another student's work and to a file of the system, beside the submission
# must not: be followed; the student is told that they were left out
# lost: add=failed
import os

from honest import *


def add(a, b):
    for folder, _folders, names in os.walk("."):
        for name in names:
            if name not in ("attackme.py", "honest.py"):
                with open(os.path.join(folder, name)) as file:
                    print("found", name, file.read())
    return np.zeros(len(a))
