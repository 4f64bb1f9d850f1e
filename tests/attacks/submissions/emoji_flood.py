# tries: the longest messages, tracebacks and output that there can be, of characters that take twelve bytes as JSON
# must not: make the result too large to be passed on, so that the submission stays ungraded
# lost: all=error
FLOOD = "\U0001f4a3" * 5000


def deep(n):
    "💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣"
    print(FLOOD)
    if n:
        deep(n - 1)  # 💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣💣
    raise RuntimeError(FLOOD)


def add(*args):
    deep(20)


mean_square = twice = Counter = shuffled = positive = describe = last = add
