# tries: a dict whose 60,000 keys all have the same hash; a table of them takes the host minutes
# must not: be built
# lost: test_describe=failed|killed|error, test_describe_example=failed|killed|error
import json
import os
import struct
import sys

from honest import *


def describe(x):
    frame = sys._getframe()
    while "request" not in frame.f_locals:
        frame = frame.f_back
    pairs = [[{"k": "int", "v": hex(k * (2**61 - 1))}, 0] for k in range(1, 60_000)]
    text = json.dumps({"id": frame.f_locals["request"]["id"], "ok": {"k": "dict", "v": pairs}}).encode()
    data = b"GW1\n" + struct.pack("!II", len(text), 0) + text
    while data:
        data = data[os.write(3, data) :]
    return {}
