# %% [markdown]
# # Gradient descent for a line
#
# Nearly everything in deep learning is trained in the same way: write down how wrong the model is (the **loss**),
# find out in which direction each parameter makes it worse (the **gradient**), and take a small step the other way.
# Here you build that loop for the smallest model that there is, a line, so that each number can still be checked by
# hand. The networks of the later assignments change the model. The loop stays.
#
# You will write five short functions:
#
# 1. `predict`: what the model answers,
# 2. `mse_loss`: how wrong that is,
# 3. `mse_gradient`: which way is uphill,
# 4. `gradient_descent`: walk downhill, looking at all the data before each step,
# 5. `sgd`: walk downhill, looking at a few samples before each step.
#
# Loops over the samples are allowed, but you will hardly need one: one NumPy operation on a whole array is shorter,
# and much faster.

# %%
import numpy as np

# %% [markdown]
# ## The data
#
# Seventeen points, one feature `x` and one target `y`. By eye: a line that rises by about a quarter per unit and
# starts a little below one.
#
# The model can take any number of features $d$. Its input is therefore always a table `X` of shape $(n, d)$, one
# row for each of the $n$ samples; here $n = 17$ and $d = 1$.

# %%
LESSON_X = np.array(
    [3.3, 4.4, 5.5, 6.71, 6.93, 4.168, 9.779, 6.182, 7.59, 2.167, 7.042, 10.791, 5.313, 7.997, 5.654, 9.27, 3.1]
).reshape(-1, 1)
LESSON_Y = np.array(
    [1.7, 2.76, 2.09, 3.19, 1.694, 1.573, 3.366, 2.596, 2.53, 1.221, 2.827, 3.465, 1.65, 2.904, 2.42, 2.94, 1.3]
)

if __name__ == "__main__":
    print("X:", LESSON_X.shape, " y:", LESSON_Y.shape)

# %% [markdown]
# ## 1. The model
#
# A linear model weighs each feature and adds an offset, the **bias**:
#
# $$\hat y_i = \sum_{j=1}^{d} X_{ij}\, w_j + b \qquad\text{or, for all samples at once,}\qquad \hat y = X w + b .$$
#
# Watch the shapes: $(n, d)$ times $(d,)$ is $(n,)$, one prediction for each sample. A column of shape $(n, 1)$
# looks harmless but is a trap: the difference of an $(n, 1)$ and an $(n,)$ array is an $(n, n)$ table.


# %%
def predict(X, w, b):
    """Answer of the linear model for each sample.

    X: (n, d) features; w: (d,) weights; b: float, the bias.
    Returns an (n,) array, X w + b.
    """
    raise NotImplementedError("predict is not written yet: replace this line by your code")


# %% [markdown]
# Two samples, two features: $1 \cdot 2 + 2 \cdot 1 + 0.5 = 4.5$ and $3 \cdot 2 + 4 \cdot 1 + 0.5 = 10.5$.

# %%
if __name__ == "__main__":
    print(predict(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([2.0, 1.0]), 0.5), "should be [ 4.5 10.5]")

# %% [markdown]
# ## 2. The loss
#
# The **residual** of a sample is $r_i = \hat y_i - y_i$: how far the prediction lies above the target. The loss is
# the mean of the squared residuals, halved:
#
# $$L(w, b) = \frac{1}{2n} \sum_{i=1}^{n} r_i^2 .$$
#
# Squaring makes misses to both sides count, and large ones more. The mean keeps the loss of ten samples comparable
# with that of ten thousand. The half is there for convenience alone: it cancels the 2 that differentiation brings.


# %%
def mse_loss(X, y, w, b):
    """Half the mean squared error of the linear model.

    X: (n, d); y: (n,) targets; w: (d,); b: float.
    Returns a float: the sum of the squared residuals divided by 2 n.
    """
    raise NotImplementedError("mse_loss is not written yet: replace this line by your code")


# %% [markdown]
# The model that knows nothing ($w = 0$, $b = 0$) misses each target by the target itself. On the lesson's data the
# squares sum to 103.70, so the loss is $103.70 / 34 = 3.0500$. The line guessed by eye, $0.25\,x + 0.8$, does a lot
# better.

# %%
if __name__ == "__main__":
    print(f"{mse_loss(LESSON_X, LESSON_Y, np.zeros(1), 0.0):.4f} should be 3.0500")
    print(f"{mse_loss(LESSON_X, LESSON_Y, np.array([0.25]), 0.8):.4f} should be 0.0770")

# %% [markdown]
# ## 3. The gradient
#
# The gradient says how fast the loss rises when one parameter grows a little. By the chain rule, with
# $\partial r_i / \partial w_j = X_{ij}$ and $\partial r_i / \partial b = 1$:
#
# $$\frac{\partial L}{\partial w_j} = \frac{1}{n} \sum_{i=1}^{n} r_i X_{ij}
# \qquad\qquad
# \frac{\partial L}{\partial b} = \frac{1}{n} \sum_{i=1}^{n} r_i .$$
#
# Read it in words: the gradient of a weight is the average of (how wrong) times (how much that feature took part).
# The bias takes part with 1 in every sample.


# %%
def mse_gradient(X, y, w, b):
    """Gradient of `mse_loss` with respect to the parameters.

    X: (n, d); y: (n,); w: (d,); b: float.
    Returns (grad_w, grad_b): a (d,) array and a float.
    """
    raise NotImplementedError("mse_gradient is not written yet: replace this line by your code")


# %% [markdown]
# At $w = 0$, $b = 0$ the residuals are $-y_i$. Both slopes are negative, so both parameters should grow, the weight
# first of all.
#
# A check that works for every gradient you will ever derive: nudge a parameter by a little $\epsilon$ to both sides
# and see how much the loss changes, $\bigl(L(w+\epsilon) - L(w-\epsilon)\bigr) / 2\epsilon$.

# %%
if __name__ == "__main__":
    slope_w, slope_b = mse_gradient(LESSON_X, LESSON_Y, np.zeros(1), 0.0)
    print(f"{slope_w[0]:.4f} {slope_b:.4f} should be -16.1187 -2.3662")
    up = mse_loss(LESSON_X, LESSON_Y, np.array([1e-4]), 0.0)
    down = mse_loss(LESSON_X, LESSON_Y, np.array([-1e-4]), 0.0)
    print(f"{(up - down) / 2e-4:.4f} is the slope of w, measured")

# %% [markdown]
# ## 4. Gradient descent
#
# Start somewhere and repeat: compute the gradient of the whole data set, step against it. The **learning rate**
# $\eta$ says how far:
#
# $$w \leftarrow w - \eta\, \frac{\partial L}{\partial w}
# \qquad\qquad
# b \leftarrow b - \eta\, \frac{\partial L}{\partial b} .$$
#
# One pass over the data is an **epoch**; with the full batch that is one step. Three things to get right:
#
# * Both slopes belong to the same point. Compute them both, then change $w$ and $b$.
# * `history` holds the loss *before* each step, so its first entry is the loss of the starting point.
# * `w -= step` changes the caller's array where `w` is still `w0`. `w = w - step` makes a new one.
#
# One step by hand, from $w = 0$, $b = 0$ with $\eta = 0.01$: $w = 0 + 0.01 \cdot 16.1187 = 0.1612$ and
# $b = 0 + 0.01 \cdot 2.3662 = 0.0237$. The loss falls from 3.0500 to 0.9952.


# %%
def gradient_descent(X, y, w0, b0, learning_rate, epochs):
    """Fit the linear model with full-batch gradient descent.

    X: (n, d); y: (n,); w0: (d,) and b0: float, where to start; learning_rate: float, length of a step in units of the
    gradient; epochs: int, number of steps.
    Returns (w, b, history): (d,) array, float, and a list of `epochs` losses, each taken before its update.
    Changes none of its arguments.
    """
    raise NotImplementedError("gradient_descent is not written yet: replace this line by your code")


# %% [markdown]
# Look at how the loss falls: steeply at first, then for ages hardly at all. The weight is settled within a few
# steps; the bias crawls, since the loss is nearly four hundred times less curved in that direction. The exact best
# line is $0.2516\,x + 0.7988$.
#
# Try other learning rates. Above 0.0443 each step overshoots by more than it gains, and the loss explodes.

# %%
if __name__ == "__main__":
    for epochs in (1, 10, 100, 1000, 5000):
        fitted_w, fitted_b, losses = gradient_descent(LESSON_X, LESSON_Y, np.zeros(1), 0.0, 0.01, epochs)
        print(f"{epochs:5} epochs: y = {fitted_w[0]:.4f} x + {fitted_b:.4f}, last loss {losses[-1]:.4f}")

# %% [markdown]
# ## 5. Stochastic gradient descent
#
# With a million samples it is a waste to read them all for one step: the gradient of a few dozen points in nearly
# the same direction. So **stochastic gradient descent** deals the samples out in **mini-batches** and takes a step
# after each one. An epoch is still one pass over all the data.
#
# In each epoch
#
# 1. draw one new order of the samples, `order = rng.permutation(n)`;
# 2. cut it into consecutive slices of `batch_size`. The last slice takes what is left over and may be shorter;
# 3. for each slice, take one step with the `mse_gradient` of that slice's rows.
#
# With $n = 5$, `batch_size = 2` and the order 3, 0, 4, 1, 2 the slices are (3, 0), (4, 1) and (2). The mean in the
# gradient is the mean over the slice: divide by 2, 2 and 1.
#
# `rng` is a NumPy generator that the caller has seeded. Use it and nothing else, and the same seed gives the same
# result.


# %%
def sgd(X, y, w0, b0, learning_rate, epochs, batch_size, rng):
    """Fit the linear model with stochastic gradient descent on mini-batches.

    X: (n, d); y: (n,); w0: (d,); b0: float; learning_rate: float; epochs: int, passes over the data;
    batch_size: int, samples for each step; rng: numpy.random.Generator, drawn from once for each epoch.
    Returns (w, b): (d,) array and float. Changes none of the arrays.
    """
    raise NotImplementedError("sgd is not written yet: replace this line by your code")


# %% [markdown]
# With one batch of all 17 samples, the order does not matter and each epoch is a step of `gradient_descent`. Small
# batches take more steps in each epoch and come further in the same number of passes, by a noisier path.

# %%
if __name__ == "__main__":
    for batch_size in (17, 4, 1):
        fitted_w, fitted_b = sgd(
            LESSON_X, LESSON_Y, np.zeros(1), 0.0, 0.01, 200, batch_size, np.random.default_rng(seed=1)
        )
        final = mse_loss(LESSON_X, LESSON_Y, fitted_w, fitted_b)
        print(f"batches of {batch_size:2}: y = {fitted_w[0]:.4f} x + {fitted_b:.4f}, loss {final:.4f}")
