# %% [markdown]
# # Where the parameters of VGG are
#
# VGG-16 has 138 million parameters and sixteen layers with weights. Before you print the table at the end, guess:
# which single layer holds most of them? The name "convolutional network" points in the wrong direction.
#
# Counting parameters is worth the effort. The count tells how much memory a model needs (4 bytes per float32 number,
# here about 550 MB, before any activation or gradient), shows where to save, and is the quickest check that the
# network you built is the network you meant.
#
# ## Two kinds of layers have parameters
#
# A **convolution** has one filter per output channel. A filter looks at $k \times k$ pixels of *all* input channels and
# has one bias:
#
# $$\text{parameters} = \underbrace{k^2 \, c_\text{in} \, c_\text{out}}_{\text{weights}} +
# \underbrace{c_\text{out}}_{\text{biases}}$$
#
# The size of the image does not occur in it: the same filter is used at every position.
#
# A **linear layer** joins each of its inputs to each of its outputs:
#
# $$\text{parameters} = n_\text{in} \, n_\text{out} + n_\text{out}$$
#
# Here the image size matters a lot, for the inputs of the first linear layer are all pixels of all channels that
# the convolutions leave.
#
# Pools, ReLU and flattening have no parameters.
#
# ## A worked example
#
# The first convolution of VGG turns 3 colours into 64 channels with 3x3 filters:
# $9 \cdot 3 \cdot 64 + 64 = 1792$ parameters. The last layer turns 4096 features into 1000 classes:
# $4096 \cdot 1000 + 1000 = 4\,097\,000$.

# %%
import torch
from torch import nn

# %% [markdown]
# ## The configurations
#
# K. Simonyan and A. Zisserman (*Very deep convolutional networks for large-scale image recognition*, ICLR 2015) compare
# five networks in their table 1. All have five blocks of convolutions; a 2x2 max pool with stride 2 ends each block.
# Then come three linear layers: 4096, 4096 and one output per class. In the paper's notation, where
# "3-64" is a 3x3 convolution with 64 output channels:
#
# | block | A | B | C | D | E |
# |---|---|---|---|---|---|
# | 1 | 3-64 | 3-64, 3-64 | 3-64, 3-64 | 3-64, 3-64 | 3-64, 3-64 |
# | 2 | 3-128 | 3-128, 3-128 | 3-128, 3-128 | 3-128, 3-128 | 3-128, 3-128 |
# | 3 | two of 3-256 | two of 3-256 | two of 3-256, then 1-256 | three of 3-256 | four of 3-256 |
# | 4 | two of 3-512 | two of 3-512 | two of 3-512, then 1-512 | three of 3-512 | four of 3-512 |
# | 5 | two of 3-512 | two of 3-512 | two of 3-512, then 1-512 | three of 3-512 | four of 3-512 |
#
# D is the network that everybody calls VGG-16, E is VGG-19: the number counts the layers with weights.
#
# We write a configuration as a list, from the image to the last pool:
#
# | entry | layer |
# |---|---|
# | an int `c` | 3x3 convolution, padding 1, `c` output channels |
# | a pair `(c, k)` | $k \times k$ convolution with odd $k$, padding $(k-1)/2$, `c` output channels |
# | `"M"` | 2x2 max pool, stride 2, size rounded down |
#
# So `c` and `(c, 3)` mean the same, and no convolution changes the size of its image. The first two blocks of B are
# `64, 64, "M", 128, 128, "M"`. A 1x1 convolution mixes the channels of each pixel and looks at no neighbour.

# %%
VGG_CONFIGS = {}  # to do: the five configurations, by the names "A" to "E"


# %% [markdown]
# ## Parameters of one layer
#
# The two formulas from above. Without a bias the second term is missing.

# %%
def conv_params(in_channels, out_channels, kernel_size=3, bias=True):
    """Return the number of parameters of a convolution with square filters (int).

    kernel_size ** 2 * in_channels * out_channels, and out_channels more with a bias.
    """
    raise NotImplementedError("conv_params is not written yet: replace this line by your code")


# %%
def linear_params(in_features, out_features, bias=True):
    """Return the number of parameters of a linear layer (int).

    in_features * out_features, and out_features more with a bias.
    """
    raise NotImplementedError("linear_params is not written yet: replace this line by your code")


# %%
if __name__ == "__main__":
    print("first convolution:", conv_params(3, 64))
    print("last linear layer:", linear_params(4096, 1000))


# %% [markdown]
# ## Reading a configuration
#
# Three functions below walk through a configuration. They are shorter if one helper deals with its three
# notations first: a name is looked up, and an int becomes a pair. Then each entry is either `"M"` or
# `(channels, kernel_size)`. This helper is for you; only the functions that use it are graded.
#
# Work with a new list. The one you were given belongs to somebody else, and `VGG_CONFIGS` to everybody.

# %%
def read_config(config):
    """Return the entries of a configuration as a new list of "M" and pairs (channels, kernel_size).

    config: a name in VGG_CONFIGS, or a list of "M", ints and pairs, which is not changed.

    Raises ValueError for an unknown name.
    """
    raise NotImplementedError("read_config is not written yet: replace this line by your code")


# %% [markdown]
# A pool halves the size and rounds down: 7 becomes 3, 1 would become 0. An image of no pixels is an error, and this is
# the place to notice it.

# %%
def pooled(size):
    """Return the size after a 2x2 max pool with stride 2, rounded down, in pixels (int).

    Raises ValueError if nothing is left.
    """
    raise NotImplementedError("pooled is not written yet: replace this line by your code")


# %% [markdown]
# ## Parameters of the whole network
#
# Walk from the image to the classes and carry two numbers along: the present number of channels and the present
# size. A convolution changes the channels, a pool changes the size. What remains at the end is flattened to
# $\text{channels} \cdot \text{size}^2$ features, and the three linear layers 4096, 4096 and `num_classes` follow.
#
# With `bias=False` no layer has a bias.

# %%
def vgg_param_count(config, num_classes=1000, in_channels=3, image_size=224, bias=True):
    """Return the number of parameters of a VGG network, convolutions and classifier (int).

    config: a name in VGG_CONFIGS or a list; image_size: height and width of the image in pixels.

    Raises ValueError for an unknown name and if the pools shrink the image to nothing.
    """
    raise NotImplementedError("vgg_param_count is not written yet: replace this line by your code")


# %%
if __name__ == "__main__":
    for name in VGG_CONFIGS:
        print(f"VGG {name}: {vgg_param_count(name):>11,} parameters")


# %% [markdown]
# ## The table
#
# Now the same walk with a line for each layer: its name, the shape of its output without the batch, and its parameters
# (biases included). Blocks and the convolutions in a block are counted from 1, and a pool is the last layer of its
# block; the next layer after it starts a new block.
#
# | name | output shape | parameters |
# |---|---|---|
# | `block1_conv1` | (64, 224, 224) | 1792 |
# | `block1_conv2` | (64, 224, 224) | 36928 |
# | `block1_pool` | (64, 112, 112) | 0 |
# | `block2_conv1` | (128, 112, 112) | 73856 |
# | ... | | |
# | `flatten` | (25088,) | 0 |
# | `fc1`, `fc2` | (4096,) | ... |
# | `predictions` | (1000,) | 4097000 |

# %%
def vgg_param_table(config, num_classes=1000, in_channels=3, image_size=224):
    """Return a list with one (name, output shape, parameters) per layer of a VGG network.

    The names are block1_conv1, ..., block1_pool, block2_conv1, ..., flatten, fc1, fc2, predictions. An output shape is
    (channels, height, width) for convolutions and pools and (features,) from flatten on. The parameters (int) include
    the biases and are 0 for pools and flatten.

    Raises ValueError for an unknown name and if the pools shrink the image to nothing.
    """
    raise NotImplementedError("vgg_param_table is not written yet: replace this line by your code")


# %% [markdown]
# Was your guess right?

# %%
if __name__ == "__main__":
    total = vgg_param_count("D")
    for name, shape, parameters in vgg_param_table("D"):
        print(f"{name:14} {shape!s:16} {parameters:>11,} {parameters / total:6.1%}")


# %% [markdown]
# ## The network itself
#
# Now build it, for colour images of 224x224 pixels. A ReLU follows every convolution and every linear layer except the
# last one: its outputs are **logits**, any real numbers, and the loss function applies the softmax. (The paper
# drops out half of the two 4096 features while training. Dropout has no parameters; you may add it or leave it out.)
#
# `flatten` turns (batch, channels, height, width) into (batch, features). The number of features for the first linear
# layer follows from the configuration, so compute it. It is $512 \cdot 7 \cdot 7$ for the five names and something else
# for a list of your own.
#
# Half a gigabyte for a look at some shapes would be a waste. Under `torch.device("meta")` tensors have a shape and a
# dtype but no memory, and models can be built and called as usual:
#
# ```python
# with torch.device("meta"):
#     model = build_vgg("D")
# ```
#
# That works as long as your code does not ask for a device itself.

# %%
def build_vgg(config, num_classes=1000):
    """Return a VGG network as a torch.nn.Module: images (n, 3, 224, 224) -> logits (n, num_classes).

    It has exactly vgg_param_count(config, num_classes) parameters and can be built under torch.device("meta").

    Raises ValueError for an unknown name and if the pools shrink 224 pixels to nothing.
    """
    raise NotImplementedError("build_vgg is not written yet: replace this line by your code")


# %%
if __name__ == "__main__":
    with torch.device("meta"):
        model = build_vgg("D")
        images = torch.empty(2, 3, 224, 224)
    print("logits:", tuple(model(images).shape))
    print("parameters:", sum(parameter.numel() for parameter in model.parameters()))
