# tries: to patch the guest's own code: encoder, frames, operations
# must not: gain more than answers of its own choosing
# lost: add=failed|killed|error
import sys

from honest import *

for name in ("wall.values", "wall.guest", "wall.frames"):
    module = sys.modules[name]
    for attribute in ("MAX_NODES", "MAX_DEPTH", "MAX_JSON_BYTES", "MAX_HANDLES", "MAX_FRAME_BYTES"):
        if hasattr(module, attribute):
            setattr(module, attribute, 10**12)
Guest = sys.modules["wall.guest"].Guest


def add(a, b):
    def call(self, request, decoder, encoder):
        if request.get("name") == "add":
            return {"ok": True, "outcome": "passed", "score": 12}
        return original(self, request, decoder, encoder)

    original = Guest._call
    Guest._OPERATIONS["call"] = call
    return np.zeros(len(a))
