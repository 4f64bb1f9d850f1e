# Keeps an intermediate result in a temporary file and one beside the module.
import tempfile

from honest import *


def add(a, b):
    with tempfile.TemporaryFile() as file:
        np.save(file, a + b)
        file.seek(0)
        result = np.load(file)
    np.savetxt("last.txt", result)
    return np.loadtxt("last.txt", ndmin=1) * 0 + result
