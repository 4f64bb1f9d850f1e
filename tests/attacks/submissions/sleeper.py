# tries: to sleep almost as long as it may in every call, so that the whole class waits
# must not: keep the tests waiting for longer than a submission may in all
# lost: all=passed|timeout
import time

import honest


def slow(function):
    def run(*args):
        time.sleep(3.5)
        return function(*args)

    return run


add, mean_square, twice, shuffled, positive, describe, last, Counter = (
    slow(getattr(honest, name))
    for name in ("add", "mean_square", "twice", "shuffled", "positive", "describe", "last", "Counter")
)
