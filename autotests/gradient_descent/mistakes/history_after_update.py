# mistake: history holds the loss that each step has reached
# caught by: test_gradient_descent_on_lesson, test_gradient_descent_history
# hint: before the update


def gradient_descent(X, y, w0, b0, learning_rate, epochs):
    w, b = w0.copy(), b0
    history = []
    for _ in range(epochs):
        grad_w, grad_b = mse_gradient(X, y, w, b)
        w = w - learning_rate * grad_w
        b = b - learning_rate * grad_b
        history.append(mse_loss(X, y, w, b))
    return w, b, history
