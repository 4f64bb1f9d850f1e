# ---
# jupyter:
#   kernelspec:
#     name: somewhere_else
# ---

# %% [markdown]
# # Scaling — “é”
#
# For a batch $x \in \mathbb{R}^{n \times d}$:
#
# $$\hat x_{ij} = \frac{x_{ij} - \mu_j}{\sqrt{\sigma_j^2 + \epsilon}}, \qquad \text{a row ends with } \\$$

# %% tags=["given"] editable=false
import numpy as np

# %%
EPSILON = 1e-5


# %%
def statistics(x):
    """Mean and variance of each column of x, an (n, d) array."""
    if x.ndim != 2:
        raise NotImplementedError("statistics is not written yet: replace this line by your code")
    raise NotImplementedError("statistics is not written yet: replace this line by your code")


# %%
class Scaler:
    """Remembers the statistics of a batch."""

    def __call__(self, x):
        raise NotImplementedError("Scaler")


# %%
if __name__ == "__main__":
    print(statistics(np.ones((3, 2))))
