# Tries its own work out when it is run as a program.
from honest import *

if __name__ == "__main__":
    import sys

    print(add(np.ones(2), np.ones(2)))
    sys.exit(1)
