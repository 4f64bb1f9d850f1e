# tries: to read and to overwrite the work of other students, by relative and absolute paths
# must not: find any of it
# lost: add=failed
import os

from honest import *


def add(a, b):
    for up in ("..", "../..", "../../..", "/submitted", "/tmp", "/proc/1/root", "/proc/self/cwd/../.."):
        for folder, folders, names in os.walk(up):
            if folder.count("/") > 6:
                folders.clear()
            for name in names:
                path = os.path.abspath(os.path.join(folder, name))
                if name.endswith(".py") and path.startswith(("/submitted", "/tmp")) and not path.startswith(os.getcwd()):
                    with open(path, "r+") as file:
                        print("found", path, file.read())
                        file.write("raise SystemExit\n")
    return np.zeros(len(a))
