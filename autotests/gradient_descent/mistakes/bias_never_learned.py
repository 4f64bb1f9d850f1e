# mistake: only weights are learned; the bias stays where it started
# caught by: test_gradient_descent_on_lesson, test_gradient_descent_parameters
# hint: then change w and b


def gradient_descent(X, y, w0, b0, learning_rate, epochs):
    w, b = w0.copy(), b0
    history = []
    for _ in range(epochs):
        history.append(mse_loss(X, y, w, b))
        grad_w, _ = mse_gradient(X, y, w, b)
        w = w - learning_rate * grad_w
    return w, b, history
