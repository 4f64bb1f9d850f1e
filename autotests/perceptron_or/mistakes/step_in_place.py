# mistake: filling z with ones and zeros is a handy way to make the answer
# caught by: test_arguments_unchanged
# hint: in place changes the caller's array


def step(z):
    fires = z > 0
    z[fires] = 1
    z[~fires] = 0
    return z.astype(int)
