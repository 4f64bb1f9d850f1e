# %% [markdown]
# # How large is the output of a layer?
#
# A convolution slides a small window over its input and writes one number per position. So its output is as long as
# there are positions. Whoever can count positions never has to guess the `400` in `Linear(400, 120)`, knows why a
# network refuses a small image, and can tell how much of the picture one output unit has seen.
#
# Height and width follow the same rule independently of each other. All functions here therefore speak of **one**
# side, an integer number of pixels.
#
# | symbol | argument | meaning |
# |---|---|---|
# | $n$ | `size` | pixels along this side of the input |
# | $k$ | `kernel` | taps of the window along this side |
# | $s$ | `stride` | pixels from one window to the next |
# | $p$ | `padding` | pixels added at **each** of the two ends |
# | $d$ | `dilation` | pixels from one tap to the next; 1 means that taps are neighbours |
#
# ## A first example, counted with a finger
#
# Input of 7 pixels, window of 3, stride 2, no padding. The windows start at pixels 0, 2 and 4:
#
# ```
# pixel      0 1 2 3 4 5 6
# window 0   [ . ]
# window 1       [ . ]
# window 2           [ . ]
# ```
#
# A fourth window would start at pixel 6 and reach pixel 8, which does not exist. Three windows, so the output has
# size 3.
#
# ## The formula
#
# With padding the input is $n + 2p$ pixels long. With dilation the window reaches over $d\,(k-1) + 1$ pixels. The
# first window needs that much room; each further one needs $s$ pixels more. Hence
#
# $$\text{out} = \left\lfloor \frac{n + 2p - d\,(k-1) - 1}{s} \right\rfloor + 1$$
#
# In Python, `a // b` is exactly this rounding down, and it keeps integers integers. A size is never a float.
#
# ## The worked example
#
# | layer | computation | size |
# |---|---|---|
# | input | | 200 |
# | convolution 5, stride 2, padding 1 | $\lfloor (200 + 2 - 4 - 1) / 2 \rfloor + 1 = 98 + 1$ | 99 |
# | pool 3, stride 1 | $(99 - 3) / 1 + 1$ | 97 |
# | convolution 3, padding 1 | $(97 + 2 - 2 - 1) / 1 + 1$ | 97 |
#
# You will reproduce it at the end. Run the cells from top to bottom while you work.


# %% [markdown]
# ## Refusing nonsense
#
# A kernel of 0 or a padding of -1 is always a slip somewhere else in a program. It costs least when the function that
# receives it says so. This helper is given; use it for every argument that has a smallest allowed value:
#
# ```python
# require_at_least(1, kernel=kernel, stride=stride)
# ```

# %%
def require_at_least(minimum, **values):
    """Raise ValueError if one of the named integers is below `minimum`."""
    for name, value in values.items():
        if value < minimum:
            raise ValueError(f"{name} should be at least {minimum}, not {value}")


# %% [markdown]
# ## Convolution
#
# The formula from above. If the window, with its dilation, is longer than the padded input, then not even the first one
# fits. That is an error as well, not an output of size 0 or below.

# %%
def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):
    """Return the output size of a convolution along one side, in pixels (int, rounded down).

    out = floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1

    Raises ValueError if size, kernel, stride or dilation is below 1, if padding is negative, or if the dilated kernel
    is longer than the padded input.
    """
    raise NotImplementedError("conv_output_size is not written yet: replace this line by your code")


# %%
if __name__ == "__main__":
    print("7 pixels, window 3, stride 2:", conv_output_size(7, 3, stride=2))
    print("first layer of the worked example:", conv_output_size(200, 5, stride=2, padding=1))


# %% [markdown]
# ## Pooling
#
# A pool slides its window just as a convolution does, with two habits of its own.
#
# 1. **Windows normally do not overlap.** With `stride=None` the stride is the kernel size.
# 2. **The end may be rounded up** (`ceil_mode=True`, the default *here*). Then a last window that hangs over the end
#    of the padded input still counts, and the pixels that are missing are left out of its maximum or mean:
#
# $$\text{out} = \left\lceil \frac{n + 2p - k}{s} \right\rceil + 1$$
#
# ```
# pixel      0 1 2 3 4          5 pixels, window 2, stride 2
# window 0   [ ]
# window 1       [ ]
# window 2           [ ]        rounded up: 3        rounded down: 2
# ```
#
# Rounding up goes too far where the extra window would hold no pixel at all. PyTorch states the
# rule so: *a last window that would start outside the input and its left padding does not count.* Window number $i$
# (from 0) starts at pixel $i s - p$ of the input, so the last one, $i = \text{out} - 1$, is dropped if
#
# $$(\text{out} - 1)\, s \ge n + p$$
#
# Example: 4 pixels, window 1, stride 3, rounded up gives 2 windows, at pixels 0 and 3. For 3 pixels the formula with
# the ceiling again gives 2, but the second window would start at pixel 3, behind the last pixel. It
# does not count, and the answer is 1.
#
# `-(-a // b)` rounds up without ever leaving the integers.

# %%
def pool_output_size(size, kernel, stride=None, padding=0, ceil_mode=True):
    """Return the output size of a pool along one side, in pixels (int).

    stride=None means stride=kernel. With ceil_mode=True the size is rounded up, except that a last window which would
    start outside the input and its left padding does not count; with ceil_mode=False it is rounded down.
    The padding is at most half the kernel; a larger one is not asked of this function.

    Raises ValueError if size, kernel or stride is below 1, if padding is negative, or if the kernel is longer than
    the padded input.
    """
    raise NotImplementedError("pool_output_size is not written yet: replace this line by your code")


# %%
if __name__ == "__main__":
    print("5 pixels, window 2, rounded up:  ", pool_output_size(5, 2))
    print("5 pixels, window 2, rounded down:", pool_output_size(5, 2, ceil_mode=False))
    print("3 pixels, window 1, stride 3:    ", pool_output_size(3, 1, stride=3))


# %% [markdown]
# ## TensorFlow's SAME padding
#
# TensorFlow and Keras can choose the padding themselves. `padding="same"` adds just as many zeros as are needed for
# every stride step within the input to get its window. How large the kernel is no longer matters:
#
# $$\text{out} = \left\lceil \frac{n}{s} \right\rceil$$
#
# Only with stride 1 is the output really the *same* size as the input.

# %%
def same_output_size(size, stride=1):
    """Return the output size under TensorFlow's SAME padding along one side, in pixels (int): ceil(size / stride).

    Raises ValueError if size or stride is below 1.
    """
    raise NotImplementedError("same_output_size is not written yet: replace this line by your code")


# %%
if __name__ == "__main__":
    print("7 pixels, stride 2, SAME:", same_output_size(7, 2))


# %% [markdown]
# ## Transposed convolution
#
# Generators and segmentation networks need layers that make images larger. A transposed convolution runs the
# convolution backwards: each *input* pixel stamps a whole window of $d\,(k-1)+1$ pixels onto the output, and
# neighbouring stamps are $s$ pixels apart. The last stamp starts at $(n-1)\,s$; padding now **cuts** $p$ pixels off
# each end:
#
# $$\text{out} = (n - 1)\, s - 2p + d\,(k - 1) + \text{output\_padding} + 1$$
#
# Why `output_padding`? With stride 2 a convolution maps 7 and 8 pixels to the same size, so "backwards" has two
# answers. `output_padding` says how many pixels to add at the end to get the one you mean.
#
# Example: 4 pixels, kernel 4, stride 2, padding 1 give $3 \cdot 2 - 2 + 3 + 0 + 1 = 8$, twice the input.

# %%
def transposed_conv_output_size(size, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    """Return the output size of a transposed convolution along one side, in pixels (int).

    out = (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1

    Raises ValueError if size, kernel, stride or dilation is below 1, if padding or output_padding is negative, or if
    the output size is below 1.
    """
    raise NotImplementedError("transposed_conv_output_size is not written yet: replace this line by your code")


# %%
if __name__ == "__main__":
    print("4 pixels, kernel 4, stride 2, padding 1:", transposed_conv_output_size(4, 4, stride=2, padding=1))


# %% [markdown]
# ## A stack of layers
#
# The output of one layer is the input of the next. A stack is a list of dicts. `"kind"` says which function computes
# the size, and the other entries are that function's keyword arguments:
#
# ```python
# {"kind": "conv", "kernel": 5, "stride": 2, "padding": 1}
# ```
#
# | kind | function |
# |---|---|
# | `"conv"` | `conv_output_size` |
# | `"pool"` | `pool_output_size` |
# | `"transposed_conv"` | `transposed_conv_output_size` |
#
# What a dict leaves out keeps that function's default. `f(size, **arguments)` passes a dict as keyword arguments. The
# list and its dicts belong to the caller: read them, do not change them.

# %%
def stack_output_sizes(size, layers):
    """Return the list of sizes after each layer, in pixels (ints; as many as there are layers).

    size: input size in pixels. layers: list of dicts with "kind" ("conv", "pool" or "transposed_conv") and the keyword
    arguments of that kind's function. Neither the list nor a dict is changed.

    Raises ValueError for an unknown kind and wherever the function of a layer does.
    """
    raise NotImplementedError("stack_output_sizes is not written yet: replace this line by your code")


# %%
WORKED_EXAMPLE = [
    {"kind": "conv", "kernel": 5, "stride": 2, "padding": 1},
    {"kind": "pool", "kernel": 3, "stride": 1},
    {"kind": "conv", "kernel": 3, "padding": 1},
]

if __name__ == "__main__":
    print("200 ->", " -> ".join(str(size) for size in stack_output_sizes(200, WORKED_EXAMPLE)))


# %% [markdown]
# ## The receptive field
#
# How many input pixels lie between the first and the last that can influence **one** output unit, both included? Walk
# through the stack and keep two numbers: the receptive field $r$ and the *jump* $j$, the distance in input pixels
# between neighbouring units of the present layer. Before the first layer $r = 1$ and $j = 1$. Each layer widens the
# field by its $k - 1$ further taps, which lie $d \cdot j$ input pixels apart, and its stride then spreads the units:
#
# $$r \leftarrow r + (k - 1)\, d\, j \qquad\text{then}\qquad j \leftarrow j \cdot s$$
#
# Two 3x3 convolutions see $1 + 2 + 2 = 5$ pixels and three see 7. That is the argument of the VGG paper: three
# small layers see as much as one 7x7 layer, with fewer weights and two more nonlinearities between them.
#
# Padding and rounding move or drop windows; they do not widen one. So those entries of a dict do not change the
# result. A pool without a stride has its kernel as stride here too.

# %%
def receptive_field(layers):
    """Return the receptive field of one output unit along one side, in input pixels (int; 1 for an empty stack).

    layers: list of dicts as for `stack_output_sizes`, of the kinds "conv" and "pool" only; it is not changed.

    Raises ValueError for any other kind, and if a kernel, stride or dilation is below 1 or a padding negative.
    """
    raise NotImplementedError("receptive_field is not written yet: replace this line by your code")


# %%
if __name__ == "__main__":
    three_by_three = {"kind": "conv", "kernel": 3, "padding": 1}
    for depth in (1, 2, 3):
        print(f"depth {depth}: 3x3 convolutions see", receptive_field([three_by_three] * depth), "pixels")
    print("the worked example sees", receptive_field(WORKED_EXAMPLE), "pixels")
