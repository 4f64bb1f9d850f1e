# tries: to fill the disk: 300 MB in /tmp, /dev/shm and the working folder, and 20,000 empty files
# must not: write more than its limit, nor one byte to a disk of the host
# lost: add=failed|error
import os

from honest import *


def add(a, b):
    written, block = 0, bytes(1 << 20)
    for folder in ("/tmp", "/dev/shm", ".", "/", "/var/tmp", "/home"):
        for number in range(50):
            try:
                with open(os.path.join(folder, f"full{number}"), "wb") as file:
                    written += file.write(block)
            except OSError:
                break
    try:
        for number in range(20_000):
            open(f"/tmp/empty{number}", "w").close()
    except OSError:
        pass
    print("megabytes:", written >> 20)
    return np.zeros(len(a))
