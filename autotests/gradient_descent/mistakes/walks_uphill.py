# mistake: training means adding the gradient
# caught by: test_gradient_descent_on_lesson, test_gradient_descent_parameters
# hint: minus learning_rate times


def gradient_descent(X, y, w0, b0, learning_rate, epochs):
    w, b = w0.copy(), b0
    history = []
    for _ in range(epochs):
        history.append(mse_loss(X, y, w, b))
        grad_w, grad_b = mse_gradient(X, y, w, b)
        w = w + learning_rate * grad_w
        b = b + learning_rate * grad_b
    return w, b, history
