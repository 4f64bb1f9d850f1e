# mistake: the threshold itself counts as above
# caught by: test_step_by_hand, test_step
# hint: 0 at exactly zero


def step(z):
    return (z >= 0).astype(int)
