# Imports what attackers import, and uses little of it.
import ctypes
import gc
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading

from honest import *

HERE = os.path.dirname(os.path.abspath(__file__))
VERSION = sys.version_info
COPY = pickle.loads(pickle.dumps([1, 2, 3]))
gc.collect()
