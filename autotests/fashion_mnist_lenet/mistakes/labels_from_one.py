# mistake: The first class is number 1.
# caught by: test_labels, test_learns, accuracy
# hint: numbers from 0 to 9
_predict_as_asked = predict


def predict(model, images):
    return _predict_as_asked(model, images) + 1
