# tries: terminal control, bidirectional overrides and HTML in messages, names, output and tracebacks
# must not: reach a terminal, a page or a database as anything but text
# lost: add=error, test_mean_square=failed, test_last=error
from honest import *

NASTY = "\x1b]0;owned\x07\x1b[2J\x1b[31m\r\x08\u202e<script>alert(1)</script><img src=x onerror=alert(2)>\x00\ud800"
Nasty = type("<b>Nasty</b>", (ValueError,), {"__module__": "<i>"})


def add(a, b):
    print(NASTY)
    raise Nasty(NASTY)  # <script>alert(3)</script> \u202e


def mean_square(y, p):
    return type("<script>alert(4)</script>\x1b[2J", (), {})()


def last(items):
    exec(compile("raise RuntimeError('x')", "\x1b[2J<script>alert(5)</script>", "exec"))
