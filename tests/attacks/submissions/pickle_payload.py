# tries: answers whose unpickling runs code: __reduce__, an array of objects, pickled bytes
# must not: be unpickled; the host makes no file for it
# lost: add=failed
import pickle

from honest import *


class Payload:
    def __reduce__(self):
        return (exec, ("open('/tmp/grader-attack-was-here', 'w').close()",))


def add(a, b):
    if len(a) == 1:
        return Payload()
    if len(a) == 2:
        return np.array([Payload(), None])
    return pickle.dumps(Payload())
