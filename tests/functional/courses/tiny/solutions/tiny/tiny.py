# %% [markdown]
# # Tiny functions

# %%
import numpy as np


def mean(x):
    """Return the mean of the array x, a float."""
    ### BEGIN SOLUTION
    return float(np.sum(x) / len(x))
    ### END SOLUTION


def scale(x, factor=2.0):
    """Return a new array with the shape of x, each entry times factor."""
    ### BEGIN SOLUTION
    return x * factor
    ### END SOLUTION


def span(x):
    """Return the smallest and the largest entry of x, two floats."""
    ### BEGIN SOLUTION
    return float(np.min(x)), float(np.max(x))
    ### END SOLUTION


def root(a):
    """Return the square root of a, a float; ValueError where a is negative."""
    ### BEGIN SOLUTION
    if a < 0:
        raise ValueError("a is negative")
    return float(a) ** 0.5
    ### END SOLUTION


def power(base, exponent):
    """Return base to the power of exponent, an int of 0 or more."""
    ### BEGIN SOLUTION
    result = 1
    for _ in range(exponent):
        result *= base
    return result
    ### END SOLUTION
