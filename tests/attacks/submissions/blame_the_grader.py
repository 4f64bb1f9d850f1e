# tries: to tell the host that the sandbox has failed, so that the submission is never graded and the run breaks off
# must not: be believed; a grader that broke gives no mark, a submission that says so gets one
# lost: add=failed|killed|error
import json
import os
import struct

from honest import *


def add(a, b):
    for message in ({"unconfined": "no namespace"}, {"infrastructure": "disk full"}, {"error": "fork"}):
        text = json.dumps(message).encode()
        os.write(3, b"GW1\n" + struct.pack("!II", len(text), 0) + text)
    os._exit(70)
