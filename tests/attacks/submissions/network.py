# tries: to send the inputs home: TCP to the host's loopback, UDP, a Unix socket, a raw system call
# must not: reach a listener on 127.0.0.1
# lost: add=failed
import ctypes
import socket
import urllib.request

from honest import *

with open("port.txt") as file:
    PORT = int(file.read())


def add(a, b):
    for attempt in (
        lambda: socket.create_connection(("127.0.0.1", PORT), 1).send(a.tobytes()),
        lambda: socket.create_connection(("::1", PORT), 1),
        lambda: urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=1),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", PORT)),
        lambda: socket.socket(socket.AF_UNIX).connect("/run/docker.sock"),
    ):
        try:
            attempt()
            print("connected")
        except OSError:
            pass
    ctypes.CDLL(None).syscall(41, 2, 1, 0)
    return np.zeros(len(a))
