import numpy as np
import pytest


@pytest.mark.points(2, title="predict returns labels", hint="An int64 array of shape (m,).")
def test_labels(submission):
    labels = np.arange(40, dtype=np.int64) % 10
    images = np.zeros((40, 8, 8), np.uint8)
    images[np.arange(40), 0, labels % 8] = 1 + labels
    model = submission.train(images, labels, seed=1, device="cpu")
    answer = submission.predict(model, images[:7])
    assert isinstance(answer, np.ndarray)
    assert answer.shape == (7,)
    assert answer.dtype == np.int64
    assert ((answer >= 0) & (answer < 10)).all()
