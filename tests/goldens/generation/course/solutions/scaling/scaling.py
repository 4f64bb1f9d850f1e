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
        ### BEGIN SOLUTION
        raise ValueError("statistics needs a batch of rows")
        ### END SOLUTION
    ### BEGIN SOLUTION
    deviations = x - x.mean(axis=0)

    return x.mean(axis=0), (deviations**2).mean(axis=0)
    ### END SOLUTION


# %%
### BEGIN SOLUTION
### STUB: class Scaler:
### STUB:     """Remembers the statistics of a batch."""
### STUB:
### STUB:     def __call__(self, x):
### STUB:         raise NotImplementedError("Scaler")
class Scaler:
    def __init__(self, x):
        self.mean, self.variance = statistics(x)

    def __call__(self, x):
        return (x - self.mean) / np.sqrt(self.variance + EPSILON)
### END SOLUTION


# %%
if __name__ == "__main__":
    print(statistics(np.ones((3, 2))))
