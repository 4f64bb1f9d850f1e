# mistake: the bias is for training only; a prediction needs the weights alone
# caught by: test_perceptron_answers_or, test_perceptron_predict
# hint: X @ w + b


def perceptron_predict(X, w, b):
    return step(X @ w)
