# %% [markdown]
# # Attack me

# %%
import numpy as np


# %%
def add(a, b):
    """The sum of two arrays of shape (n,)."""
    ### BEGIN SOLUTION
    return a + b
    ### END SOLUTION


def mean_square(y, p):
    """The mean of the squared differences of two arrays of shape (n,); a float."""
    ### BEGIN SOLUTION
    return float(np.mean((y - p) ** 2))
    ### END SOLUTION


def twice(f, x):
    """f of f of x."""
    ### BEGIN SOLUTION
    return f(f(x))
    ### END SOLUTION


class Counter:
    """Counts from ``start``: ``step(by)`` adds and gives the counter back, ``total`` is the sum."""

    def __init__(self, start):
        ### BEGIN SOLUTION
        self.total = start
        ### END SOLUTION

    def step(self, by):
        ### BEGIN SOLUTION
        self.total += by
        return self
        ### END SOLUTION


def shuffled(items, rng):
    """A list of the items in the order of ``rng.permutation``."""
    ### BEGIN SOLUTION
    return [items[i] for i in rng.permutation(len(items))]
    ### END SOLUTION


def positive(x):
    """x itself; ValueError where it is not above zero."""
    ### BEGIN SOLUTION
    if not x > 0:
        raise ValueError("x must be above zero")
    return x
    ### END SOLUTION


def describe(x):
    """A dict with the smallest value, the largest value (floats) and the number (an int) of an array's items."""
    ### BEGIN SOLUTION
    return {"min": float(x.min()), "max": float(x.max()), "n": len(x)}
    ### END SOLUTION


def last(items):
    """The last item of a list; the suite asks for it after everything else."""
    ### BEGIN SOLUTION
    return items[-1]
    ### END SOLUTION
