# mistake: True and False are as good as 1 and 0
# caught by: test_step_by_hand, test_step
# hint: into integers


def step(z):
    return z > 0
