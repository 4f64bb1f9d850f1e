# tries: to end the process with exit code 0 before any test runs
# must not: be taken for a success
# status: broken
import os

os._exit(0)
