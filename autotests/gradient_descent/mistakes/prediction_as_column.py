# mistake: a prediction is a column, one row for each sample; subtracting y then broadcasts to an n by n table
# caught by: test_predict_three_samples, test_predict
# hint: shape (n,)


def predict(X, w, b):
    return X @ w.reshape(-1, 1) + b
