# Looks for what submissions/state_left.py leaves; it finds nothing, or it does not load.
import os
import sys

from honest import *

assert not hasattr(np, "planted")
assert not hasattr(np.random, "planted")
assert "planted" not in sys.modules
assert "PLANTED" not in os.environ
assert np.sum([1, 2]) == 3
assert sorted(os.listdir("/tmp")) == ["submission"]
assert os.listdir("/dev/shm") == []
assert sorted(os.listdir(".")) == ["attackme.py", "honest.py"]
