# %% [markdown]
# # One neuron learns OR
#
# The smallest network has one neuron. It weighs its inputs, adds a bias and puts the sum through an **activation**.
# Here you train two of them on the same task:
#
# 1. Rosenblatt's **perceptron** of 1958. Its activation is a step, its answer yes or no. It learns from its mistakes
#    alone.
# 2. A **sigmoid neuron**. Its answer is a probability, so one can ask in which direction it gets a little better. It
#    learns by gradient descent, and so does every network after it.
#
# Between them lies the idea that made deep learning possible: replace the step by something that has a slope.

# %%
import numpy as np

# %% [markdown]
# ## The task
#
# Logical OR has two inputs and four cases. The answer is 1 unless both inputs are 0. Each row of `X` is one case,
# `y` holds the answers.
#
# In the plane of the two inputs a neuron can only draw a straight line and say 1 on one side of it. For OR there is
# such a line: it cuts off the corner (0, 0).

# %%
OR_X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
OR_Y = np.array([0.0, 1.0, 1.0, 1.0])

# %% [markdown]
# ## Part 1: the perceptron
#
# ### The step
#
# The perceptron fires where the weighted sum $z = x \cdot w + b$ is above zero:
#
# $$\operatorname{step}(z) = \begin{cases} 1 & z > 0 \\ 0 & z \le 0 \end{cases}$$
#
# At exactly zero it does not fire. Return numbers, not `True` and `False`: the training rule subtracts them.


# %%
def step(z):
    """Answer of a threshold unit, elementwise.

    z: array of any shape.
    Returns an integer array of the same shape: 1 where z > 0, else 0.
    """
    ### BEGIN SOLUTION
    return (z > 0).astype(int)
    ### END SOLUTION


# %%
def perceptron_predict(X, w, b):
    """Answer of the perceptron for each sample.

    X: (n, d) inputs; w: (d,) weights; b: float, the bias.
    Returns an (n,) integer array of 0 and 1: the step of X w + b.
    """
    ### BEGIN SOLUTION
    return step(X @ w + b)
    ### END SOLUTION


# %% [markdown]
# One can choose the weights of OR by hand: each input counts 1, and half a point is the hurdle. Raise the hurdle to
# one and a half, and the same weights answer AND.

# %%
if __name__ == "__main__":
    print(step(np.array([-2.0, 0.0, 3.0])), "should be [0 0 1]")
    print(perceptron_predict(OR_X, np.array([1.0, 1.0]), -0.5), "should be [0 1 1 1]")
    print(perceptron_predict(OR_X, np.array([1.0, 1.0]), -1.5), "should be [0 0 0 1]")

# %% [markdown]
# ### Rosenblatt's rule
#
# Better that the machine finds them. Start with $w = 0$ and $b = 0$, and show it the samples one by one, in order.
# After each one compare its answer $\hat y \in \{0, 1\}$ with the target $y$ and correct it at once:
#
# $$w \leftarrow w + \eta\,(y - \hat y)\, x \qquad\qquad b \leftarrow b + \eta\,(y - \hat y) .$$
#
# The factor $y - \hat y$ is 0 where the answer was right, so nothing changes; 1 where the neuron should have fired,
# which pulls the weights towards $x$; and $-1$ where it should have been silent, which pushes them away.
#
# One pass over all samples is an **epoch**. After the first epoch without a mistake nothing will ever change again:
# stop. Rosenblatt proved that this day comes whenever some line separates the two classes. Where none does, the
# rule runs for ever, so `max_epochs` ends it.
#
# By hand, for OR with $\eta = 1$ (only the mistakes are shown):
#
# | epoch | sample | z | answer | target | w afterwards | b afterwards |
# |---|---|---|---|---|---|---|
# | 1 | (0, 1) | 0 | 0 | 1 | (0, 1) | 1 |
# | 2 | (0, 0) | 1 | 1 | 0 | (0, 1) | 0 |
# | 2 | (1, 0) | 0 | 0 | 1 | (1, 1) | 1 |
# | 3 | (0, 0) | 1 | 1 | 0 | (1, 1) | 0 |
#
# The fourth epoch passes without a mistake, so the answer is $w = (1, 1)$, $b = 0$ after 4 epochs. The clean one
# counts.


# %%
def train_perceptron(X, y, learning_rate=1.0, max_epochs=100):
    """Train a perceptron with Rosenblatt's rule, from zero weights, samples in order.

    X: (n, d); y: (n,) targets, 0 or 1; learning_rate: float; max_epochs: int, where to give up.
    Returns (w, b, epochs): (d,) array, float, and an int, the number of epochs run. The first epoch without a mistake
    is the last one and counts; on data that no line separates, epochs is max_epochs.
    """
    w, b = np.zeros(X.shape[1]), 0.0
    ### BEGIN SOLUTION
    ### STUB: raise NotImplementedError("go through the samples, epoch by epoch, until an epoch has no mistake")
    epochs = 0
    for _ in range(max_epochs):
        epochs += 1
        mistakes = 0
        for x, target in zip(X, y, strict=True):
            error = target - perceptron_predict(x[np.newaxis], w, b)[0]
            if error != 0:
                w = w + learning_rate * error * x
                b = b + learning_rate * error
                mistakes += 1
        if mistakes == 0:
            break
    return w, b, epochs
    ### END SOLUTION


# %% [markdown]
# XOR is 1 where exactly one input is. No line has (0, 1) and (1, 0) on one side and (0, 0) and (1, 1) on the other,
# and the perceptron never comes to rest. One neuron cannot do it; a second layer can.

# %%
if __name__ == "__main__":
    print(train_perceptron(OR_X, OR_Y), "should be w = (1, 1), b = 0 after 4 epochs")
    print(train_perceptron(OR_X, np.array([0.0, 1.0, 1.0, 0.0])), "is what XOR ends with, after all 100")

# %% [markdown]
# ## Part 2: the sigmoid neuron
#
# ### A step with a slope
#
# The perceptron's rule has no way to say "nearly right". A tiny change of a weight either changes nothing or flips
# the answer. The **sigmoid** rounds the step off:
#
# $$\sigma(z) = \frac{1}{1 + e^{-z}} = \frac{e^{z}}{1 + e^{z}} .$$
#
# It runs from 0 to 1, is ½ at zero, and what comes out can be read as a probability.
#
# On paper both forms are the same. In floating point they are not: `np.exp(1000)` is too large for a float64, and
# NumPy warns of an overflow. The exponential of a *negative* number merely becomes 0. So use the first form where
# $z$ is positive and the second where it is negative. Beware: `np.where(condition, A, B)` computes both `A` and `B`
# everywhere, and then chooses.


# %%
def sigmoid(z):
    """Logistic sigmoid, elementwise: 1 / (1 + exp(-z)), without overflow however large z is.

    z: float array of any shape.
    Returns an array of the same shape with values from 0 to 1.
    """
    ### BEGIN SOLUTION
    # both forms need the exponential of -|z| and nothing larger
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1.0 + small)
    ### END SOLUTION


# %%
def neuron_predict(X, w, b):
    """Answer of the sigmoid neuron for each sample.

    X: (n, d); w: (d,); b: float.
    Returns an (n,) array of probabilities: the sigmoid of X w + b.
    """
    ### BEGIN SOLUTION
    return sigmoid(X @ w + b)
    ### END SOLUTION


# %%
if __name__ == "__main__":
    print(sigmoid(np.array([-1000.0, -2.0, 0.0, 2.0, 1000.0])).round(4), "should be 0, 0.1192, 0.5, 0.8808, 1")
    print(neuron_predict(OR_X, np.array([6.0, 6.0]), -3.0).round(3), "should be 0.047, 0.953, 0.953, 1")

# %% [markdown]
# ### Learning from the slope
#
# With $p_i = \sigma(z_i)$ the loss is the mean squared error,
#
# $$L = \frac{1}{n} \sum_{i=1}^{n} (p_i - y_i)^2 .$$
#
# The chain rule takes it apart, link by link: how the loss depends on the answer, the answer on the sum, the sum on
# the weights.
#
# $$\frac{\partial L}{\partial p_i} = \frac{2}{n}\,(p_i - y_i)
# \qquad
# \frac{\partial p_i}{\partial z_i} = p_i\,(1 - p_i)
# \qquad
# \frac{\partial z_i}{\partial w_j} = X_{ij}, \quad \frac{\partial z_i}{\partial b} = 1$$
#
# The middle one is the sigmoid's charm: its slope needs nothing but its own value. Multiply along the chain and add
# up over the samples:
#
# $$\delta_i = \frac{2}{n}\,(p_i - y_i)\,p_i\,(1 - p_i)
# \qquad
# \frac{\partial L}{\partial w_j} = \sum_i \delta_i X_{ij}
# \qquad
# \frac{\partial L}{\partial b} = \sum_i \delta_i .$$
#
# By hand, for OR at $w = (0, 0)$, $b = 0$: every $p_i$ is ½ and every slope ¼, so
# $\delta = (\tfrac1{16}, -\tfrac1{16}, -\tfrac1{16}, -\tfrac1{16})$. Both weights and the bias have the gradient
# $-\tfrac18$, and a step with $\eta = 2$ makes each of them ¼.
#
# A network would never learn from equal weights, since all its neurons would stay equal. So weights are drawn at
# random, and this neuron keeps the custom. Draw them from `rng` and nowhere else: the same seed then gives the same
# neuron. Small normal numbers, `rng.normal(size=d)`, do well; the bias may start at zero.
#
# As in gradient descent for a line, `history` holds the loss *before* each update.


# %%
def train_neuron(X, y, learning_rate=2.0, epochs=2000, rng=None):
    """Train one sigmoid neuron by full-batch gradient descent on the mean squared error.

    X: (n, d); y: (n,) targets, 0 or 1; learning_rate: float; epochs: int, number of updates;
    rng: numpy.random.Generator from which the weights are drawn, None for a fresh one.
    Returns (w, b, history): (d,) array, float, and a list of `epochs` losses, each taken before its update.
    """
    if rng is None:
        rng = np.random.default_rng()
    ### BEGIN SOLUTION
    ### STUB: raise NotImplementedError("draw the weights, then repeat: predict, note the loss, step downhill")
    w, b = rng.normal(size=X.shape[1]), 0.0
    history = []
    for _ in range(epochs):
        p = neuron_predict(X, w, b)
        misses = p - y
        history.append(misses @ misses / len(y))
        delta = 2 / len(y) * misses * p * (1 - p)
        w = w - learning_rate * (delta @ X)
        b = b - learning_rate * delta.sum()
    return w, b, history
    ### END SOLUTION


# %% [markdown]
# The neuron gets the four cases right early and then spends its time on becoming sure of them. The nearer $p$ comes
# to 0 or 1, the flatter the sigmoid, and the smaller each step.

# %%
if __name__ == "__main__":
    neuron_w, neuron_b, losses = train_neuron(OR_X, OR_Y, rng=np.random.default_rng(seed=1))
    for epoch in (0, 10, 100, 1000, 1999):
        print(f"epoch {epoch:4}: loss {losses[epoch]:.4f}")
    print("answers", neuron_predict(OR_X, neuron_w, neuron_b).round(3), "should be below 0.1, then above 0.9")
