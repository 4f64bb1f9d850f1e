# mistake: w = w0 makes a copy, so w -= step is safe
# caught by: test_training_changes_nothing
# hint: w -= … changes the caller's w0


def gradient_descent(X, y, w0, b0, learning_rate, epochs):
    w, b = w0, b0
    history = []
    for _ in range(epochs):
        history.append(mse_loss(X, y, w, b))
        grad_w, grad_b = mse_gradient(X, y, w, b)
        w -= learning_rate * grad_w
        b -= learning_rate * grad_b
    return w, b, history
