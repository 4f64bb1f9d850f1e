"""Hidden suite of lenet_forward.

Expected values are computed here, in float64, from weights that this side draws or that the model's ``parameters()``
shows. Default initial weights leave LeNet's logits nearly the same for every picture (four sigmoids in a row), so the
values are compared under weights that keep the signal alive.
"""

import numpy as np
import pytest
import torch
from torch.nn import functional

from grader.testing import (
    WrongAnswer,
    assert_int,
    assert_tensor,
    is_instance,
    unchanged,
    unpack,
    vjp,
)

LAYERS = {"conv1": (6, 1, 5, 5), "conv2": (16, 6, 5, 5), "fc1": (120, 400), "fc2": (84, 120), "fc3": (10, 84)}
SIDES = [
    ("Conv2d", (6, 28, 28)),
    ("Sigmoid", (6, 28, 28)),
    ("AvgPool2d", (6, 14, 14)),
    ("Conv2d", (16, 10, 10)),
    ("Sigmoid", (16, 10, 10)),
    ("AvgPool2d", (16, 5, 5)),
    ("Flatten", (400,)),
    ("Linear", (120,)),
    ("Sigmoid", (120,)),
    ("Linear", (84,)),
    ("Sigmoid", (84,)),
    ("Linear", (10,)),
]


def parameter_shapes(num_classes):
    """Names and shapes of the ten parameters, in the order of the layers."""
    shapes = {}
    for layer, shape in LAYERS.items():
        out = num_classes if layer == "fc3" else shape[0]
        shapes[f"{layer}.weight"] = (out, *shape[1:])
        shapes[f"{layer}.bias"] = (out,)
    return shapes


def draw(rng, *shape, scale=1.0):
    return torch.from_numpy(scale * rng.standard_normal(shape)).float()


def draw_params(rng, num_classes=10):
    """Weights of standard deviation 4/sqrt(fan in): sigmoids work between their flat ends, logits are of order 2."""
    params = {}
    for name, shape in parameter_shapes(num_classes).items():
        fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 4
        params[name] = draw(rng, *shape, scale=4.0 / np.sqrt(fan_in))
    return params


def expected_logits(x, params):
    """LeNet in float64, from any mapping of names to tensors."""
    p = {name: tensor.double() for name, tensor in params.items()}
    maps = x.double()
    for layer, padding in (("conv1", 2), ("conv2", 0)):
        maps = functional.conv2d(maps, p[f"{layer}.weight"], p[f"{layer}.bias"], padding=padding)
        maps = functional.avg_pool2d(1 / (1 + torch.exp(-maps)), 2)
    units = maps.reshape(len(x), 400)
    for layer in ("fc1", "fc2"):
        units = 1 / (1 + torch.exp(-(units @ p[f"{layer}.weight"].T + p[f"{layer}.bias"])))
    return units @ p["fc3.weight"].T + p["fc3.bias"]


def expected_gradients(x, params, cotangent):
    """Gradients of sum(logits * cotangent) with respect to x and to each parameter, float64."""
    leaves = [x.double().requires_grad_(), *(tensor.double().requires_grad_() for tensor in params.values())]
    logits = expected_logits(leaves[0], dict(zip(params, leaves[1:], strict=True)))
    return torch.autograd.grad(logits, leaves, grad_outputs=cotangent.double())


def check_gradient(actual, expected, *, what):
    if actual is None:
        raise WrongAnswer(f"No gradient reaches {what}.")
    scale = float(expected.abs().max())
    assert_tensor(actual, expected.float(), what=f"the gradient with respect to {what}", rtol=1e-3, atol=1e-4 * scale)


def build(submission, *args, **kwargs):
    """A LeNet that has seen one picture, as layers that fix their sizes at the first call need."""
    model = submission.LeNet(*args, **kwargs)
    if not is_instance(model, "torch.nn.modules.module.Module"):
        raise WrongAnswer("LeNet should be a class derived from torch.nn.Module.")
    model(torch.zeros(1, 1, 28, 28))
    return model


def parameters_of(model, num_classes):
    """The model's parameters by the contract's names, their number and shapes checked."""
    wanted = parameter_shapes(num_classes)
    found = list(model.parameters())
    if len(found) != len(wanted):
        raise WrongAnswer(f"LeNet should have {len(wanted)} parameters, 5 weights and 5 biases; it has {len(found)}.")
    for tensor, (name, shape) in zip(found, wanted.items(), strict=True):
        if tuple(tensor.shape) != shape:
            raise WrongAnswer(
                f"Where {name} of shape {shape} should stand among the parameters, one has shape {tuple(tensor.shape)}."
            )
        if tensor.dtype != torch.float32:
            raise WrongAnswer(f"The parameter {name} should be of torch.float32, not {tensor.dtype}.")
    return dict(zip(wanted, found, strict=True))


@pytest.mark.points(
    2,
    title="LeNet: ten parameters in the order of the layers",
    hint="Assign the layers in the order conv1, conv2, fc1, fc2, fc3, to attributes or to a Sequential: a plain Python "
    "list hides them from parameters(). Each has a weight and a bias; fc1 reads 16 maps of 5×5; num_classes sets the "
    "size of fc3.",
)
@pytest.mark.parametrize("num_classes", [None, 3])
def test_lenet_parameters(submission, num_classes):
    model = build(submission) if num_classes is None else build(submission, num_classes=num_classes)
    params = parameters_of(model, num_classes or 10)
    for name, tensor in params.items():
        if not torch.isfinite(tensor).all():
            raise WrongAnswer(f"A new LeNet should have finite parameters; {name} has not.")


@pytest.mark.points(
    3,
    title="LeNet: the right logits for fresh weights and pictures",
    hint="Sigmoid (not ReLU) behind conv1, conv2, fc1 and fc2, average (not max) pooling behind each convolution's "
    "sigmoid, padding 2 in conv1 alone, nothing behind fc3: logits, not probabilities.",
    needs=("test_lenet_parameters", "test_lenet_first_call"),
)
@pytest.mark.parametrize(("num_classes", "batch_size"), [(10, 1), (3, 4)])
def test_lenet_values(submission, rng, num_classes, batch_size):
    model = build(submission, num_classes)
    x = draw(rng, batch_size, 1, 28, 28)
    as_built = parameters_of(model, num_classes)
    with unchanged(x=x):
        logits = model(x)
    assert_tensor(logits, expected_logits(x, as_built).float(), what="LeNet()(x)", atol=1e-5)

    fresh = draw_params(rng, num_classes)
    own_names = [name for name, _ in model.named_parameters()]
    model.load_state_dict(dict(zip(own_names, fresh.values(), strict=True)), strict=False)
    assert_tensor(model(x), expected_logits(x, fresh).float(), what="LeNet()(x)", rtol=1e-3, atol=1e-4)


@pytest.mark.points(
    1,
    title="LeNet: gradients reach every parameter",
    hint="Without a gradient a layer never learns: no detach(), no torch.no_grad() in forward, requires_grad left on.",
    needs=("test_lenet_values",),
)
def test_lenet_gradients(submission, rng):
    model = build(submission)
    params = parameters_of(model, 10)
    x, cotangent = draw(rng, 3, 1, 28, 28), draw(rng, 3, 10)
    flow = vjp(model, x, cotangent=cotangent)
    assert_tensor(flow.output, expected_logits(x, params).float(), what="LeNet()(x)", atol=1e-5)
    expected = expected_gradients(x, params, cotangent)
    assert len(flow.parameters) == len(params)
    for name, actual, wanted in zip(params, flow.parameters, expected[1:], strict=True):
        check_gradient(actual, wanted, what=f"the parameter {name}")


@pytest.mark.points(
    3,
    title="lenet_forward: the right logits for fresh weights and pictures",
    hint="Layer by layer: conv2d with padding 2 (conv1 alone), sigmoid, then average pooling (not max); "
    "flatten each picture's maps channel by channel; a linear layer is x @ W.T + b; the last one is bare: logits, not "
    "probabilities.",
    needs=("test_forward_blank_picture",),
)
@pytest.mark.parametrize(("batch_size", "num_classes"), [(1, 10), (5, 10), (2, 7)])
def test_forward_values(submission, rng, batch_size, num_classes):
    x, params = draw(rng, batch_size, 1, 28, 28), draw_params(rng, num_classes)
    wanted = expected_logits(x, params).float()
    logits = submission.lenet_forward(x, params)
    assert_tensor(logits, wanted, what="lenet_forward", rtol=1e-3, atol=1e-4)


@pytest.mark.points(
    1,
    title="lenet_forward: weights are looked up by name",
    hint="A dict may come in any order: take params[\"conv1.weight\"] and so on, not the first, second, third value.",
    needs=("test_forward_values",),
)
def test_forward_names(submission, rng):
    x, params = draw(rng, 2, 1, 28, 28), draw_params(rng)
    names = list(params)
    shuffled = {names[i]: params[names[i]] for i in (9, 4, 1, 6, 3, 0, 7, 2, 5, 8)}
    wanted = expected_logits(x, params).float()
    logits = submission.lenet_forward(x, shuffled)
    assert_tensor(logits, wanted, what="lenet_forward", rtol=1e-3, atol=1e-4)


@pytest.mark.points(
    2,
    title="lenet_forward: differentiable in the pictures and in every weight",
    hint="Stay inside torch from x and params to the logits: detach(), .data, .numpy(), torch.tensor(...) and "
    "torch.no_grad() cut the graph.",
    needs=("test_forward_values",),
)
def test_forward_gradients(submission, rng):
    x, params, cotangent = draw(rng, 2, 1, 28, 28), draw_params(rng), draw(rng, 2, 10)
    flow = vjp(submission.lenet_forward, x, params, cotangent=cotangent)
    assert_tensor(flow.output, expected_logits(x, params).float(), what="lenet_forward", rtol=1e-3, atol=1e-4)
    by_x, by_params = flow.arguments
    expected = expected_gradients(x, params, cotangent)
    check_gradient(by_x, expected[0], what="x")
    for name, wanted in zip(params, expected[1:], strict=True):
        check_gradient(by_params[name], wanted, what=f"params[{name!r}]")


@pytest.mark.points(
    1,
    title="lenet_forward: pictures and weights stay as they were",
    hint="Pictures and weights belong to the caller: no in-place operation (sigmoid_, -=, [...] =) on x, and nothing "
    "put into params or popped from it.",
    needs=("test_forward_values",),
)
def test_forward_leaves_arguments(submission, rng):
    x, params = draw(rng, 2, 1, 28, 28), draw_params(rng)
    wanted = expected_logits(x, params).float()
    with unchanged(x=x, params=params):
        logits = submission.lenet_forward(x, params)
    assert_tensor(logits, wanted, what="lenet_forward", rtol=1e-3, atol=1e-4)


@pytest.mark.points(
    1,
    title="layer_shapes: all twelve layers, for any batch size",
    hint="conv1 keeps the side of 28 (padding 2), conv2 takes 4 off, each pool halves; Flatten makes 400 numbers of "
    "16 maps of 5×5; batch_size is the first entry of every shape.",
    needs=("test_layer_shapes_ends", "test_lenet_first_call", "test_lenet_parameters", "test_lenet_values"),
)
def test_layer_shapes_all(submission, rng):
    drawn = int(rng.integers(2, 7))
    for n, shapes in ((drawn, submission.layer_shapes(drawn)), (1, submission.layer_shapes())):
        pairs = unpack(shapes, len(SIDES), what="layer_shapes")
        for i, (pair, (wanted_name, wanted_shape)) in enumerate(zip(pairs, SIDES, strict=True), start=1):
            name, shape = unpack(pair, 2, what=f"layer_shapes, in entry {i},")
            if not isinstance(name, str) or name != wanted_name:
                raise WrongAnswer(f"Layer {i} of layer_shapes has another class name than the network's layer {i}.")
            sides = unpack(shape, len(wanted_shape) + 1, what=f"layer_shapes, as the shape of layer {i},")
            for side, wanted in zip(sides, (n, *wanted_shape), strict=True):
                assert_int(side, wanted, what=f"an entry of the output shape of layer {i}")


@pytest.mark.points(
    1,
    title="connection_counts: C5 and F6 too",
    hint="Start from the original 32×32 picture without padding. C1 has 28×28 units a map, C5 sees all 16 maps of 5×5 "
    "from one place, F6 reads 120 units; every unit has one more connection, its bias.",
    needs=("test_connections_of_c1",),
)
def test_connection_counts(submission):
    counts = submission.connection_counts()
    if not isinstance(counts, dict) or set(counts) != {"C1", "C5", "F6"}:
        raise WrongAnswer("connection_counts should return a dict with the keys C1, C5 and F6.")
    for name, maps, places, inputs in (("C1", 6, 28 * 28, 25), ("C5", 120, 1, 16 * 25), ("F6", 84, 1, 120)):
        assert_int(counts[name], maps * places * (inputs + 1), what=f"the number of connections of {name}")
