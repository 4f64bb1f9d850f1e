# mistake: the weights alone make the prediction; the bias is a detail
# caught by: test_predict_three_samples, test_predict
# hint: add b


def predict(X, w, b):
    return X @ w
