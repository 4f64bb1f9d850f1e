# tries: to write result files of every grader it has heard of
# must not: have one of them read
# lost: add=failed
import json
import os

from honest import *


def add(a, b):
    result = json.dumps({"score": 12, "tests": [{"name": "test_add", "outcome": "passed", "score": 1}]})
    for folder in (".", "/tmp", "/", "/autograder/results", "..", "/dev/shm"):
        for name in ("results.json", "report.xml", ".pytest_cache", "grader.sqlite", "outcome", "result.json"):
            try:
                os.makedirs(folder, exist_ok=True)
                with open(os.path.join(folder, name), "w") as file:
                    file.write(result)
            except OSError:
                pass
    return np.zeros(len(a))
