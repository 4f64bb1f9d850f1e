import pytest


@pytest.mark.points(0.5, title="double of 4", hint="Twice 4 is 8.")
def test_double_example(submission):
    answer = submission.double(4)
    assert type(answer) is int
    assert answer == 8
