# mistake: the bias may use the weights that were updated a line above
# caught by: test_gradient_descent_on_lesson, test_gradient_descent_parameters
# hint: Both slopes come from the same point


def gradient_descent(X, y, w0, b0, learning_rate, epochs):
    w, b = w0.copy(), b0
    history = []
    for _ in range(epochs):
        history.append(mse_loss(X, y, w, b))
        w = w - learning_rate * mse_gradient(X, y, w, b)[0]
        b = b - learning_rate * mse_gradient(X, y, w, b)[1]
    return w, b, history
