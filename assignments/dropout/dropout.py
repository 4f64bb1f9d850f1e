# %% [markdown]
# # Dropout
#
# A big network can learn its training examples by heart. One reason is that its units conspire: each corrects the
# mistakes of a few others, on exactly these examples. Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov
# (2014) break up the conspiracy: during training they switch off every unit with probability $p$, afresh in every
# step. A unit that cannot rely on its neighbours must learn something that is useful by itself.
#
# You will write dropout by hand in NumPy, forward and backward, and then as a PyTorch module.

# %%
import numpy as np
import torch
from torch import nn

# %% [markdown]
# ## The formula
#
# Here $p$ is the probability of **dropping** a unit, $0 \le p < 1$. For every unit $i$ draw $r_i$ uniformly from
# $[0, 1)$. The unit is kept where $r_i \ge p$:
#
# $$
# m_i = [\, r_i \ge p \,], \qquad y_i = \frac{m_i \, x_i}{1 - p} .
# $$
#
# Why divide? A unit is kept with probability $1 - p$, so the mean over all masks is
#
# $$
# \mathbb{E}[y_i] = (1 - p) \cdot \frac{x_i}{1 - p} + p \cdot 0 = x_i ,
# $$
#
# and the next layer sees, on average, the same signal with dropout as without. This is *inverted* dropout: all the
# work is done in training, and in evaluation a layer just lets its input through. (The paper did it the other way
# round: no division in training, multiplication of the weights by $1 - p$ in evaluation. Every library today
# inverts.)
#
# ## Worked example
#
# Five units, $p = 0.2$, and the numbers that `np.random.default_rng(0).random(5)` draws:
#
# | unit | 1 | 2 | 3 | 4 | 5 |
# |---|---|---|---|---|---|
# | $x$ | 1 | 2 | 3 | 4 | 5 |
# | $r$ | 0.637 | 0.270 | 0.041 | 0.017 | 0.813 |
# | kept? | yes | yes | no | no | yes |
# | $y$ | 1.25 | 2.5 | 0 | 0 | 6.25 |
#
# The survivors have grown by $1 / 0.8 = 1.25$, to stand in for the dropped.

# %%
if __name__ == "__main__":
    print(np.random.default_rng(0).random(5))


# %% [markdown]
# ## 1. Forward
#
# One call of `rng.random(x.shape)` draws all the numbers: one for each entry of $x$, whatever its shape. Return the
# boolean mask too; the backward pass needs it. In evaluation nothing is drawn and nothing dropped, and there is no
# mask.
#
# A value of $p$ outside $0 \le p < 1$ is a mistake of the caller, in training or not, and a ValueError tells so at
# once.


# %%
def dropout_forward(
    x: np.ndarray, p: float, training: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray | None]:
    r"""Apply inverted dropout: $y = m \, x / (1 - p)$ with $m = [r \ge p]$.

    :param x: activations of any shape, float64.
    :param p: probability of dropping a unit, 0 ≤ p < 1.
    :param training: False lets x through.
    :param rng: source of the mask; one call of ``rng.random(x.shape)``.
    :return: ``(out, mask)``: out like x, mask a boolean array of x's shape, True where a unit is kept. Without training
        out equals x and mask is None.
    :raises ValueError: p < 0 or p ≥ 1.
    """
    raise NotImplementedError("dropout_forward is not written yet: replace this line by your code")


# %% [markdown]
# Averaged over many masks, the output comes back to the input:

# %%
if __name__ == "__main__":
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    print(dropout_forward(x, 0.2, True, np.random.default_rng(0)))
    rng = np.random.default_rng(1)
    print(np.mean([dropout_forward(x, 0.2, True, rng)[0] for _ in range(10_000)], axis=0).round(2))


# %% [markdown]
# ## 2. Backward
#
# Given the mask, dropout multiplies each unit by a constant, $m_i / (1 - p)$. So the chain rule multiplies the
# gradient by the same constant:
#
# $$
# \frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \cdot \frac{m_i}{1 - p} .
# $$
#
# It must be the mask of the forward pass: a unit that said nothing has earned no blame. Where there was no mask, the
# gradient passes unchanged.


# %%
def dropout_backward(dout: np.ndarray, mask: np.ndarray | None, p: float) -> np.ndarray:
    r"""Pull a gradient back through dropout: $dx = m \, dout / (1 - p)$.

    :param dout: gradient with respect to the output, any shape, float64.
    :param mask: what :func:`dropout_forward` returned; None (evaluation) passes dout through.
    :param p: probability of dropping a unit, 0 ≤ p < 1.
    :return: gradient with respect to x, of dout's shape.
    :raises ValueError: p < 0 or p ≥ 1, with a mask or without.
    """
    raise NotImplementedError("dropout_backward is not written yet: replace this line by your code")


# %%
if __name__ == "__main__":
    _, mask = dropout_forward(x, 0.2, True, np.random.default_rng(0))
    print(dropout_backward(np.ones(5), mask, 0.2))


# %% [markdown]
# ## 3. A PyTorch module
#
# Now the same as a layer. PyTorch gives you a good deal for nothing: `model.train()` and `model.eval()` set
# `self.training` in every module of a model, and autograd finds the backward pass, provided that `forward` is made of
# torch operations.
#
# The rest is care. The mask comes from torch's global generator (so that `torch.manual_seed` makes a run
# repeatable), and it is a new one at every call. The output has the dtype and the device of the input: half
# precision stays half precision, and a tensor on a GPU must not meet a mask on the CPU. Have a look at what
# `torch.rand_like` and `torch.bernoulli` do.
#
# PyTorch has dropout already, as `torch.nn.Dropout`, `torch.nn.functional.dropout` and `torch.dropout`. Here you
# build it yourself, without these three. (To compare with them below is a fine idea.)


# %%
class Dropout(nn.Module):
    r"""Inverted dropout in training mode, identity in evaluation mode; any shape, any floating dtype, any device.

    :param p: probability of dropping a unit, 0 ≤ p < 1.
    :raises ValueError: p < 0 or p ≥ 1, at construction.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        raise NotImplementedError("Dropout.__init__ is not written yet: replace this line by your code")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor with the shape, the dtype and the device of x."""
        raise NotImplementedError("Dropout.forward is not written yet: replace this line by your code")


# %% [markdown]
# In training mode about a third of the units fall silent, in evaluation mode none. The built-in layer agrees on the
# average, though its masks are others.

# %%
if __name__ == "__main__":
    torch.manual_seed(0)
    layer = Dropout(1 / 3)
    print("training:  ", layer(torch.ones(12)))
    print("evaluation:", layer.eval()(torch.ones(12)))

    ones = torch.ones(100_000)
    for candidate in (Dropout(1 / 3), nn.Dropout(1 / 3)):
        out = candidate(ones)
        print(f"kept {(out != 0).float().mean():.3f}, mean of the output {out.mean():.3f}")


# %% [markdown]
# ## 4. How many units are left?
#
# Each of $n$ units is kept with probability $1 - p$, independently of the others, so the number of active units is
# binomially distributed, with mean $n (1 - p)$. A network that needs 100 active units to do its work needs 200 in all
# when $p = 0.5$.


# %%
def expected_active(n: int, p: float) -> float:
    """Return the mean number of active units among n under dropout.

    :param n: number of units.
    :param p: probability of dropping a unit, 0 ≤ p < 1.
    :raises ValueError: p < 0 or p ≥ 1.
    """
    raise NotImplementedError("expected_active is not written yet: replace this line by your code")


# %%
if __name__ == "__main__":
    counts = [dropout_forward(np.ones(200), 0.5, True, rng)[1].sum() for _ in range(2000)]
    print("expected:", expected_active(200, 0.5), " counted:", np.mean(counts))
