# mistake: a neuron for a yes-or-no task answers 0 or 1
# caught by: test_neuron_learns_or, test_neuron_predict
# hint: not rounded


def neuron_predict(X, w, b):
    return sigmoid(X @ w + b).round()
