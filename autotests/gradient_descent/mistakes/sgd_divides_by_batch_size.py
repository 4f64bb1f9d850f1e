# mistake: the mean over a slice always divides by batch_size
# caught by: test_sgd_last_slice
# hint: the mean over that many samples


def sgd(X, y, w0, b0, learning_rate, epochs, batch_size, rng):
    w, b = w0.copy(), b0
    for _ in range(epochs):
        order = rng.permutation(len(y))
        for start in range(0, len(y), batch_size):
            batch = order[start : start + batch_size]
            residuals = predict(X[batch], w, b) - y[batch]
            w = w - learning_rate * (X[batch].T @ residuals) / batch_size
            b = b - learning_rate * residuals.sum() / batch_size
    return w, b
