# %% [markdown]
# # LeNet, forward
#
# LeNet-5 (LeCun, Bottou, Bengio and Haffner, 1998) read handwritten digits on cheques, and every convolutional
# network since keeps its plan: *convolve* to find local patterns, *pool* to forget where exactly they were, repeat,
# then decide with a few dense layers. You will build the network twice: once as a module that owns its weights,
# once as a bare function of input and weights. Whoever has written the second one knows what the first one does.
#
# ## The network
#
# | layer | what it does | shape behind it |
# |---|---|---|
# | input | a grey picture | 1 × 28 × 28 |
# | conv1 | 5×5 convolution to 6 maps, padding 2 | 6 × 28 × 28 |
# | | sigmoid | 6 × 28 × 28 |
# | pool 1 | mean of each 2×2 block | 6 × 14 × 14 |
# | conv2 | 5×5 convolution to 16 maps, no padding | 16 × 10 × 10 |
# | | sigmoid | 16 × 10 × 10 |
# | pool 2 | mean of each 2×2 block | 16 × 5 × 5 |
# | flatten | | 400 |
# | fc1 | linear, then sigmoid | 120 |
# | fc2 | linear, then sigmoid | 84 |
# | fc3 | linear, **nothing** after it | 10 |
#
# What leaves the network are *logits*: ten real numbers, the largest of which marks the network's choice. The softmax
# belongs to the loss (`torch.nn.functional.cross_entropy` applies it), not to the network.

# %%
import math

import torch
from torch import nn
from torch.nn import functional as F

# %% [markdown]
# ## The formulas
#
# With the input $x$ and the kernel $w$, the map $o$ of a convolutional layer is at row $i$ and column $j$
#
# $$
# y_{o,i,j} = b_o + \sum_{c} \sum_{u=0}^{4} \sum_{v=0}^{4} w_{o,c,u,v} \; x_{c,\,i+u,\,j+v} ,
# $$
#
# where $x$ has been padded with zeros before. (A mathematician calls this cross-correlation: the kernel is not
# flipped.) The activation is $\sigma(z) = 1 / (1 + e^{-z})$, the pooling layer takes means,
#
# $$
# p_{o,i,j} = \tfrac{1}{4} \left( s_{o,2i,2j} + s_{o,2i,2j+1} + s_{o,2i+1,2j} + s_{o,2i+1,2j+1} \right) ,
# $$
#
# and a linear layer with weight $W$ of shape (outputs, inputs) computes $y = x W^\top + b$.
#
# ## Worked example: a blank picture
#
# Give every layer weights of 1/(number of its inputs), so that it averages, and biases of 0. Show it a blank
# picture, all zeros. Then all units of a layer agree, and a pocket calculator follows the signal through the
# network:
#
# | behind | value |
# |---|---|
# | conv1 and its sigmoid | $\sigma(0) = 0.5$ |
# | pool 1 | the mean of equal numbers: 0.5 |
# | conv2 and its sigmoid | $\sigma(0.5) = 0.6225$ |
# | pool 2, flatten | 0.6225 |
# | fc1 and its sigmoid | $\sigma(0.6225) = 0.6508$ |
# | fc2 and its sigmoid | $\sigma(0.6508) = 0.6572$ |
# | fc3 | 0.6572, ten times |
#
# With a ReLU in place of the sigmoid the answer would be 0; with a sigmoid too many at the end, 0.6586.

# %%
if __name__ == "__main__":
    value = 0.0
    for layer in ("conv1", "conv2", "fc1", "fc2"):
        value = 1 / (1 + math.exp(-value))
        print(f"behind {layer} and its sigmoid: {value:.4f}")


# %% [markdown]
# ## 1. The network as a module
#
# A `torch.nn.Module` owns its parameters: every layer that you assign to an attribute (or put into a
# `torch.nn.Sequential`) is registered, in the order of assignment, and `model.parameters()` walks through them. An
# optimiser sees these and nothing else. So the order is part of the task: conv1, conv2, fc1, fc2, fc3, each weight
# before bias. What you call the attributes is your own affair.


# %%
class LeNet(nn.Module):
    """LeNet for pictures of 28×28 pixels.

    Parameters in the order conv1, conv2, fc1, fc2, fc3, each weight then bias.

    :param num_classes: number of logits k.
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        raise NotImplementedError("LeNet.__init__ is not written yet: replace this line by your code")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map pictures (n, 1, 28, 28) to logits (n, k), both float32."""
        raise NotImplementedError("LeNet.forward is not written yet: replace this line by your code")


# %% [markdown]
# Most of the 61 706 parameters sit in fc1, although the convolutions do most of the work: a kernel is used at every
# place of the picture, a weight of a linear layer only once.

# %%
if __name__ == "__main__":
    torch.manual_seed(0)
    model = LeNet()
    for name, parameter in model.named_parameters():
        print(f"{name:16} {tuple(parameter.shape)!s:16} {parameter.numel():6}")
    print("altogether", sum(parameter.numel() for parameter in model.parameters()))


# %% [markdown]
# ## 2. The network as a function
#
# The same computation, with the weights as an argument. `torch.nn.functional` has the pieces: `conv2d`,
# `avg_pool2d`, `linear`. Keep it differentiable, all the way from the logits back to every weight: no `.detach()`,
# no `.numpy()`, no `torch.no_grad()`. And look the weights up by their names; a dict may come in any order, and it
# belongs to the caller.


# %%
def lenet_forward(x: torch.Tensor, params: dict[str, torch.Tensor]) -> torch.Tensor:
    """Compute LeNet's logits from pictures and weights.

    :param x: pictures (n, 1, 28, 28), float32.
    :param params: maps names to tensors: ``conv1.weight`` (6, 1, 5, 5), ``conv1.bias`` (6,), ``conv2.weight``
        (16, 6, 5, 5), ``conv2.bias`` (16,), ``fc1.weight`` (120, 400), ``fc1.bias`` (120,), ``fc2.weight`` (84, 120),
        ``fc2.bias`` (84,), ``fc3.weight`` (k, 84), ``fc3.bias`` (k,).
    :return: logits (n, k), differentiable with respect to x and every parameter.
    """
    raise NotImplementedError("lenet_forward is not written yet: replace this line by your code")


# %% [markdown]
# Module and function must agree. Here is the check, and the blank picture of the worked example.

# %%
if __name__ == "__main__":
    names = [f"{layer}.{kind}" for layer in ("conv1", "conv2", "fc1", "fc2", "fc3") for kind in ("weight", "bias")]
    params = dict(zip(names, model.parameters(), strict=True))
    pictures = torch.rand(4, 1, 28, 28)
    print("largest difference:", (model(pictures) - lenet_forward(pictures, params)).abs().max().item())

    averaging = {
        name: torch.zeros_like(tensor) if tensor.ndim == 1 else torch.full_like(tensor, 1 / tensor[0].numel())
        for name, tensor in params.items()
    }
    print("blank picture:", lenet_forward(torch.zeros(1, 1, 28, 28), averaging))


# %% [markdown]
# ## 3. Shapes, layer by layer
#
# The quickest way to find a mistake in a convolutional network is to print the shape behind every layer. There are
# two ways to get them: send a picture through the layers one at a time, or calculate. A 5×5 kernel with padding $P$
# turns a side $n$ into $n + 2P - 4$; a 2×2 pool halves it.


# %%
def layer_shapes(batch_size: int = 1) -> list[tuple[str, tuple[int, ...]]]:
    """List the 12 layers of LeNet(10) with the shape of what each puts out.

    :param batch_size: number of pictures n.
    :return: pairs (layer class name, output shape) from ``("Conv2d", (n, 6, 28, 28))`` to ``("Linear", (n, 10))``; the
        names are Conv2d, Sigmoid, AvgPool2d, Flatten and Linear.
    """
    raise NotImplementedError("layer_shapes is not written yet: replace this line by your code")


# %%
if __name__ == "__main__":
    for name, shape in layer_shapes():
        print(f"{name:10} {shape}")


# %% [markdown]
# ## 4. Connections of the original
#
# The paper counts *connections* beside parameters: every weight counts once for each output unit that uses it, and
# so does a bias. The original reads pictures of 32×32 and pads nothing. Its first layer, C1, has $(5 \cdot 5 + 1)
# \cdot 6 = 156$ parameters, and each of its 6 maps has as many units as a 5×5 kernel has places in a 32×32 picture.
#
# Sub-sampling halves the side twice, a second 5×5 convolution (S2 → C3, 16 maps) comes between, and on the maps
# that remain C5 is a 5×5 convolution to 120 maps: there is just one place left for its kernel. F6 connects these
# 120 units to 84. Every unit has a bias. (C3 is left out: in the original each of its maps sees only some of the
# maps before it.)


# %%
def connection_counts() -> dict[str, int]:
    """Count the connections, biases included, of three layers of the original LeNet-5 on 32×32 pictures.

    :return: ints for the keys ``"C1"``, ``"C5"`` and ``"F6"``.
    """
    raise NotImplementedError("connection_counts is not written yet: replace this line by your code")


# %%
if __name__ == "__main__":
    print(connection_counts())
