# mistake: training may stop as soon as the loss hardly changes
# caught by: test_gradient_descent_history
# hint: as many entries as epochs


def gradient_descent(X, y, w0, b0, learning_rate, epochs):
    w, b = w0.copy(), b0
    history = []
    for _ in range(epochs):
        history.append(mse_loss(X, y, w, b))
        if len(history) > 1 and abs(history[-2] - history[-1]) < 1e-12:
            break
        grad_w, grad_b = mse_gradient(X, y, w, b)
        w = w - learning_rate * grad_w
        b = b - learning_rate * grad_b
    return w, b, history
