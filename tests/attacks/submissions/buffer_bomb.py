# tries: a small frame that stands for 200 GB: one buffer, named by 100,000 nodes
# must not: make the host copy it
# lost: add=failed|killed
import json
import os
import struct
import sys

from honest import *


def add(a, b):
    frame = sys._getframe()
    while "request" not in frame.f_locals:
        frame = frame.f_back
    node = {"k": "bytes", "b": 0}
    text = json.dumps({"id": frame.f_locals["request"]["id"], "ok": {"k": "list", "v": [node] * 100_000}}).encode()
    data = b"GW1\n" + struct.pack("!IIQ", len(text), 1, 2_000_000) + text + bytes(2_000_000)
    while data:
        data = data[os.write(3, data) :]
    return 0
