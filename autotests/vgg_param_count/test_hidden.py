"""Hidden suite of vgg_param_count.

Expected parameter counts are numbers of elements of tensors in torch's shapes. Networks of a submission are built on
the meta device. One test runs a network, with weights that are chosen here.
"""

import copy

import pytest
import torch
from torch.nn import functional as F

from grader.testing import (
    WrongAnswer,
    assert_int,
    assert_raises_value_error,
    assert_tensor,
    is_instance,
    on_device,
    unchanged,
    unpack,
)

PAPER = {  # Simonyan and Zisserman (2015), table 1: channels of each block's convolutions; 1 x 1 where it says so
    "A": [[64], [128], [256, 256], [512, 512], [512, 512]],
    "B": [[64, 64], [128, 128], [256, 256], [512, 512], [512, 512]],
    "C": [[64, 64], [128, 128], [256, 256, (256, 1)], [512, 512, (512, 1)], [512, 512, (512, 1)]],
    "D": [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]],
    "E": [[64, 64], [128, 128], [256, 256, 256, 256], [512, 512, 512, 512], [512, 512, 512, 512]],
}
LAYER_TESTS = ("test_conv_params", "test_linear_params")


def paper_list(name):
    """One of the paper's configurations in the notation of the assignment."""
    return [entry for block in PAPER[name] for entry in [*block, "M"]]


def conv_elements(inputs, outputs, kernel, bias=True):
    """Number of elements of a convolution's tensors as torch shapes them."""
    return torch.Size([outputs, inputs, kernel, kernel]).numel() + bias * torch.Size([outputs]).numel()


def linear_elements(inputs, outputs, bias=True):
    """Number of elements of a linear layer's tensors as torch shapes them."""
    return torch.Size([outputs, inputs]).numel() + bias * torch.Size([outputs]).numel()


def expected_rows(config, num_classes=1000, in_channels=3, image_size=224, bias=True):
    """``(name, output shape, parameters)`` of each layer."""
    rows, channels, size, block, number = [], in_channels, image_size, 1, 0
    for entry in config:
        if entry == "M":
            size = len(range(0, size - 1, 2))
            rows.append((f"block{block}_pool", (channels, size, size), 0))
            block, number = block + 1, 0
            continue
        width, kernel = (entry, 3) if isinstance(entry, int) else entry
        number += 1
        parameters = conv_elements(channels, width, kernel, bias)
        rows.append((f"block{block}_conv{number}", (width, size, size), parameters))
        channels = width
    features = channels * size**2
    rows.append(("flatten", (features,), 0))
    for name, width in {"fc1": 4096, "fc2": 4096, "predictions": num_classes}.items():
        rows.append((name, (width,), linear_elements(features, width, bias)))
        features = width
    return rows


def expected_count(config, **options):
    """Number of parameters of a network."""
    return sum(parameters for _, _, parameters in expected_rows(config, **options))


def integers(rng, *bounds):
    """Draw one Python int per (low, high), both included."""
    return [int(rng.integers(low, high + 1)) for low, high in bounds]


def random_config(rng, kernels=()):
    """Two or three blocks of one to three convolutions; the last block may lack its pool.

    :param kernels: kernel sizes of further convolutions, one for each, written as pairs.
    """
    config = []
    for _ in range(int(rng.integers(2, 4))):
        config += [*integers(rng, *[(4, 40)] * int(rng.integers(1, 4))), "M"]
    config = config[: len(config) - int(rng.integers(0, 2))]
    for kernel in kernels:
        config.insert(int(rng.integers(0, len(config))), (int(rng.integers(4, 40)), kernel))
    return config


def build(submission, config, **options):
    """The submission's network on the meta device: shapes without memory."""
    with on_device(submission, "meta"):
        model = submission.build_vgg(config, **options)
    if not is_instance(model, "torch.nn.modules.module.Module"):
        raise WrongAnswer("build_vgg should return a torch.nn.Module; it returned something else.")
    return model


def named_parameters(model):
    """Names and tensors of a network's parameters, in its order."""
    return dict(unpack(item, 2, what="named_parameters") for item in model.named_parameters())


# ------------------------------------------------------------------------------------------- configurations


@pytest.mark.points(
    2,
    title="The paper's configurations",
    hint="Compare each block with the paper's table; C ends its last three blocks with a 1x1 convolution.",
)
@pytest.mark.parametrize("name", sorted(PAPER))
def test_paper_configurations(submission, name):
    configs = submission.VGG_CONFIGS
    if not isinstance(configs, dict) or name not in configs:
        raise WrongAnswer("VGG_CONFIGS should be a dict that holds A, B, C, D and E.")
    if not isinstance(configs[name], (list, tuple)):
        raise WrongAnswer("Each configuration should be a list.")
    actual = [(entry, 3) if isinstance(entry, int) else entry for entry in configs[name]]
    actual = [tuple(entry) if isinstance(entry, list) else entry for entry in actual]
    expected = [(entry, 3) if isinstance(entry, int) else entry for entry in paper_list(name)]
    if actual != expected:
        raise WrongAnswer("A configuration differs from the paper's.", f"{name}: expected {expected}\nbut got {actual}")


# --------------------------------------------------------------------------------------------------- layers


@pytest.mark.points(
    1,
    title="Parameters of a convolution",
    hint="kernel_size ** 2 * in_channels * out_channels weights, and out_channels biases unless bias=False.",
)
def test_conv_params(submission, rng):
    for _ in range(5):
        inputs, outputs = integers(rng, (2, 60), (2, 60))
        for kernel in (1, 3, 5, 7):
            for bias in (True, False):
                expected = conv_elements(inputs, outputs, kernel, bias)
                actual = submission.conv_params(
                    in_channels=inputs, out_channels=outputs, kernel_size=kernel, bias=bias
                )
                assert_int(actual, expected, what="conv_params")
    expected = conv_elements(5, 7, 3)
    assert_int(submission.conv_params(5, 7), expected, what="conv_params with its defaults")
    expected = conv_elements(5, 7, 11, bias=False)
    assert_int(submission.conv_params(5, 7, 11, False), expected, what="conv_params with positional arguments")


@pytest.mark.points(
    1,
    title="Parameters of a linear layer",
    hint="in_features * out_features weights, and out_features biases unless bias=False.",
)
def test_linear_params(submission, rng):
    for _ in range(5):
        inputs, outputs = integers(rng, (2, 300), (301, 600))
        for bias in (True, False):
            expected = linear_elements(inputs, outputs, bias)
            actual = submission.linear_params(in_features=inputs, out_features=outputs, bias=bias)
            assert_int(actual, expected, what="linear_params")
            actual = submission.linear_params(inputs, outputs, bias)
            assert_int(actual, expected, what="linear_params with positional arguments")
    assert_int(submission.linear_params(9, 4), 40, what="linear_params with its defaults")


# ---------------------------------------------------------------------------------------------------- count


@pytest.mark.points(
    2,
    title="Count: networks of your own",
    hint="A convolution sets the channels for the next layer and a pool halves the size; flatten leaves "
    "channels * size * size features for the linear layers 4096, 4096 and num_classes.",
    needs=LAYER_TESTS,
)
def test_count_own_networks(submission, rng):
    for _ in range(5):
        config = random_config(rng)
        assert_int(submission.vgg_param_count(config), expected_count(config), what="vgg_param_count of a list")
    assert_int(submission.vgg_param_count(config=[6]), expected_count([6]), what="vgg_param_count without a pool")
    assert_int(submission.vgg_param_count(["M", "M", 5]), expected_count(["M", "M", 5]), what="vgg_param_count")


@pytest.mark.points(
    1,
    title="Count: kernel sizes",
    hint="A pair is (channels, kernel_size), and (c, 3) means the same as c.",
    needs=("test_count_own_networks",),
)
def test_count_kernel_sizes(submission, rng):
    for _ in range(3):
        config = random_config(rng, kernels=(1, 5, 7))
        assert_int(submission.vgg_param_count(config), expected_count(config), what="vgg_param_count with kernel sizes")
    for config in ([(12, 3), "M", (20, 3)], [12, "M", 20]):
        assert_int(submission.vgg_param_count(config), expected_count([12, "M", 20]), what="vgg_param_count")


@pytest.mark.points(
    1,
    title="Count: image sizes",
    hint="Each pool halves the size and rounds down; the first linear layer depends on what is left.",
    needs=("test_count_own_networks",),
)
def test_count_image_sizes(submission, rng):
    for _ in range(4):
        config = [5, "M", 9, "M", 7, "M"]
        pixels, channels = integers(rng, (2, 12), (1, 8))
        size = 8 * pixels + 7  # odd at every pool
        for image_size in (size, size - 7):
            actual = submission.vgg_param_count(config, image_size=image_size)
            assert_int(actual, expected_count(config, image_size=image_size), what="vgg_param_count with an image size")
        actual = submission.vgg_param_count([channels, *["M"] * 3], image_size=8)
        wanted = expected_count([channels, *["M"] * 3], image_size=8)
        assert_int(actual, wanted, what="vgg_param_count where one pixel is left")


@pytest.mark.points(
    1,
    title="Count: classes and input channels",
    hint="num_classes sets the last linear layer, in_channels the first convolution.",
    needs=("test_count_own_networks",),
)
def test_count_options(submission, rng):
    for _ in range(3):
        config = [*integers(rng, (4, 20), (4, 20)), "M"]
        classes, channels, size = integers(rng, (2, 300), (4, 12), (10, 20))
        size *= 2  # how odd sizes are rounded is another test's question
        options = {"num_classes": classes, "in_channels": channels}
        actual = submission.vgg_param_count(config, **options)
        assert_int(actual, expected_count(config, **options), what="vgg_param_count with options")
        actual = submission.vgg_param_count(config, classes, channels, size)
        wanted = expected_count(config, image_size=size, **options)
        assert_int(actual, wanted, what="vgg_param_count with positional arguments")


@pytest.mark.points(
    1,
    title="Count: no biases",
    hint="With bias=False no layer has a bias, neither convolutions nor linear layers.",
    needs=("test_count_own_networks",),
)
def test_count_without_biases(submission, rng):
    for _ in range(3):
        config = random_config(rng)
        actual = submission.vgg_param_count(config, bias=False)
        assert_int(actual, expected_count(config, bias=False), what="vgg_param_count with bias=False")
    actual = submission.vgg_param_count([8, "M"], 10, 1, 28, False)
    wanted = expected_count([8, "M"], num_classes=10, in_channels=1, image_size=28, bias=False)
    assert_int(actual, wanted, what="vgg_param_count with five positional arguments")


# ---------------------------------------------------------------------------------------------------- table


def check_column(submission, rng, column):
    """Compare one column of the tables of some networks with what it should be."""
    for _ in range(3):
        config = random_config(rng, kernels=(1, 5))
        classes, channels, size = integers(rng, (2, 99), (1, 6), (33, 99))
        options = {"num_classes": classes, "in_channels": channels, "image_size": size}
        compare_tables(submission.vgg_param_table(config, **options), expected_rows(config, **options), column)
        actual = submission.vgg_param_table(config, classes, channels, size)
        compare_tables(actual, expected_rows(config, **options), column)
    config = [6, "M", 5]
    compare_tables(submission.vgg_param_table(config), expected_rows(config), column)
    compare_tables(submission.vgg_param_table(config, image_size=45), expected_rows(config, image_size=45), column)


def compare_tables(table, expected, column):
    """Assert that a table has as many rows as expected and agrees in one of its columns."""
    for row, wanted in zip(unpack(table, len(expected), what="vgg_param_table"), expected, strict=True):
        actual = unpack(row, 3, what="a row of vgg_param_table")[column]
        if column == 0 and (not isinstance(actual, str) or actual != wanted[0]):
            raise WrongAnswer("A row of vgg_param_table has the wrong name.", f"{wanted[0]!r}, not {actual!r}")
        if column == 1:
            for length, pixels in zip(unpack(actual, len(wanted[1]), what="an output shape"), wanted[1], strict=True):
                assert_int(length, pixels, what=f"an entry of the output shape of {wanted[0].split('_')[-1]}")
        if column == 2:
            assert_int(actual, wanted[2], what=f"the number of parameters of {wanted[0].split('_')[-1]}")


@pytest.mark.points(
    1,
    title="Table: the names",
    hint="A row for every layer, also for pools and flatten; blocks and the convolutions of a block count from 1.",
)
def test_table_names(submission, rng):
    check_column(submission, rng, 0)


@pytest.mark.points(
    1,
    title="Table: the output shapes",
    hint="(channels, height, width) after the layer, so a pool's row has the halved size; (features,) from flatten on.",
    needs=("test_table_names",),
)
def test_table_shapes(submission, rng):
    check_column(submission, rng, 1)


@pytest.mark.points(
    1,
    title="Table: the parameters",
    hint="Weights and biases of that layer alone; pools and flatten have none.",
    needs=("test_table_names", "test_table_shapes", *LAYER_TESTS),
)
def test_table_parameters(submission, rng):
    check_column(submission, rng, 2)


# --------------------------------------------------------------------------------- arguments and ValueErrors


@pytest.mark.points(
    1,
    title="Configurations stay as they are",
    hint="The list belongs to the caller and VGG_CONFIGS to everybody: read them, or work on a copy.",
    needs=("test_paper_configurations", "test_count_own_networks", "test_table_names", "test_table_parameters"),
)
def test_configurations_unchanged(submission):
    config = [6, 4, "M", 8, "M"]
    with unchanged(config=config):
        assert_int(submission.vgg_param_count(config), expected_count(config), what="vgg_param_count")
    with unchanged(config=config):
        compare_tables(submission.vgg_param_table(config), expected_rows(config), 2)
    with unchanged(config=config):
        build(submission, config)
    before = copy.deepcopy(submission.VGG_CONFIGS)
    for name in ("D", "E"):
        assert_int(submission.vgg_param_count(name), expected_count(paper_list(name)), what="vgg_param_count of a name")
        compare_tables(submission.vgg_param_table(name), expected_rows(paper_list(name)), 2)
    build(submission, "A")
    if before != submission.VGG_CONFIGS:
        raise WrongAnswer("VGG_CONFIGS was changed by a call; work on a copy of its lists.")


@pytest.mark.points(
    1,
    title="Unknown names",
    hint="A name that is not in VGG_CONFIGS is a ValueError from every function that takes a configuration.",
    needs=("test_count_own_networks", "test_table_names", "test_table_parameters"),
)
def test_unknown_names(submission):
    config = [6, "M", 8]
    assert_int(submission.vgg_param_count(config), expected_count(config), what="vgg_param_count")
    compare_tables(submission.vgg_param_table(config), expected_rows(config), 2)
    build(submission, config)
    for name in ("F", "Z9", ""):
        assert_raises_value_error(submission.vgg_param_count, name, what="vgg_param_count of an unknown name")
        assert_raises_value_error(submission.vgg_param_table, name, what="vgg_param_table of an unknown name")
        with on_device(submission, "meta"):
            assert_raises_value_error(submission.build_vgg, name, what="build_vgg of an unknown name")


@pytest.mark.points(
    1,
    title="Images that the pools shrink to nothing",
    hint="When a pool leaves no pixel, raise ValueError; build_vgg gets images of 224 pixels, which are enough for "
    "seven pools.",
    needs=("test_count_own_networks", "test_count_image_sizes", "test_table_names", "test_table_parameters"),
)
def test_image_too_small(submission):
    config = [6, "M", "M", 5, "M"]
    assert_int(submission.vgg_param_count(config, image_size=8), expected_count(config, image_size=8), what="the count")
    single = [6, "M", 5]
    compare_tables(submission.vgg_param_table(single, image_size=2), expected_rows(single, image_size=2), 2)
    build(submission, [6, *["M"] * 7])
    for image_size in (1, 3, 7):
        what = "vgg_param_count with an image that the pools shrink to nothing"
        assert_raises_value_error(submission.vgg_param_count, config, image_size=image_size, what=what)
        what = "vgg_param_table with an image that the pools shrink to nothing"
        assert_raises_value_error(submission.vgg_param_table, config, image_size=image_size, what=what)
    assert_raises_value_error(
        submission.vgg_param_count, ["M"] * 9, what="vgg_param_count with more pools than 224 pixels allow"
    )
    assert_raises_value_error(
        submission.vgg_param_table, [6, *["M"] * 8], what="vgg_param_table with more pools than 224 pixels allow"
    )
    with on_device(submission, "meta"):
        for too_many in ([6, *["M"] * 8], [*["M"] * 8, 6]):
            what = "build_vgg with more pools than 224 pixels allow"
            assert_raises_value_error(submission.build_vgg, too_many, what=what)


# -------------------------------------------------------------------------------------------------- network


@pytest.mark.points(
    1,
    title="Network: the number of parameters",
    hint="Only convolutions and linear layers have parameters, each with its biases; the linear layers are 4096, 4096 "
    "and num_classes.",
    needs=("test_paper_configurations",),
)
def test_build_parameter_count(submission, rng):
    for kernels in ((), (1,), (5, 3)):
        config, classes = random_config(rng, kernels), int(rng.integers(2, 300))
        parameters = named_parameters(build(submission, config, num_classes=classes))
        count = sum(parameter.numel() for parameter in parameters.values())
        expected = expected_count(config, num_classes=classes)
        assert_int(count, expected, what="the number of parameters of build_vgg's network")
    parameters = named_parameters(build(submission, "C"))
    count = sum(parameter.numel() for parameter in parameters.values())
    assert_int(count, expected_count(paper_list("C")), what="the number of parameters of a network of the paper")


@pytest.mark.points(
    1,
    title="Network: from images to logits",
    hint="A kernel of size k needs a padding of (k - 1) / 2 to keep the size; the output is one number per class.",
    needs=("test_paper_configurations", "test_build_parameter_count"),
)
def test_build_output_shape(submission, rng):
    networks = [([6, (4, 1), "M", (5, 5), "M", "M", (3, 7)], 12), ("A", 1000), (random_config(rng, (5, 1)), 7)]
    for config, classes in networks:
        model = build(submission, config, num_classes=classes)
        model.eval()
        batch = int(rng.integers(2, 5))
        logits = model(torch.empty(batch, 3, 224, 224, device="meta"))
        if not isinstance(logits, torch.Tensor) or tuple(logits.shape) != (batch, classes):
            raise WrongAnswer("The network should map images (n, 3, 224, 224) to logits (n, num_classes).")


def chosen_weights():
    """Weights for a network of the configuration [2, (3, 1), "M", 4, "M" (six times)] with 5 classes, by shape.

    They do not depend on the order in which a network names its layers: both biases of 4096 are equal, and the
    4096 x 4096 matrix is symmetric, so that it may also be stored transposed. Integers keep the arithmetic exact, and
    int8 keeps the one large matrix at 17 MB.
    """
    generator = torch.Generator().manual_seed(20150410)

    def draw(*shape, density=1.0):
        signs = torch.randint(0, 2, shape, generator=generator) * 2 - 1
        return (signs * (torch.rand(shape, generator=generator) < density)).to(torch.int8)

    # The last convolution answers far below zero in channel 0: without its ReLU a large negative feature is left.
    tensors = [draw(2, 3, 3, 3), draw(2), draw(3, 2, 1, 1), draw(3), draw(4, 3, 3, 3)]
    tensors += [torch.tensor([-5000.0, 1.0, -2.0, 3.0]), draw(4096, 4), draw(4096)]
    hankel = draw(8191, density=1 / 64)
    tensors += [hankel.as_strided((4096, 4096), (1, 1)).contiguous(), draw(5, 4096, density=1 / 16), draw(5)]
    return {tuple(tensor.shape): tensor for tensor in tensors}


def expected_logits(images, weights):
    """Run that network on the host."""
    w = {shape: tensor.float() for shape, tensor in weights.items()}
    x = F.relu(F.conv2d(images, w[2, 3, 3, 3], w[2,], padding=1))
    x = F.max_pool2d(F.relu(F.conv2d(x, w[3, 2, 1, 1], w[3,])), 2)
    x = F.relu(F.conv2d(x, w[4, 3, 3, 3], w[4,], padding=1))
    for _ in range(6):
        x = F.max_pool2d(x, 2)
    x = F.relu(F.linear(x.flatten(1), w[4096, 4], w[4096,]))
    x = F.relu(F.linear(x, w[4096, 4096], w[4096,]))
    return F.linear(x, w[5, 4096], w[5,])


@pytest.mark.points(
    2,
    title="Network: a ReLU after every layer but the last",
    hint="Convolutions and both layers of 4096 end in a ReLU; the last layer's outputs are returned as they are, "
    "without ReLU or softmax. Pools take the maximum. Padding is zeros.",
    needs=("test_build_parameter_count", "test_build_output_shape"),
)
def test_build_logits(submission):
    # No rng: the test costs about 0.1 s because of the 4096 x 4096 layer, and a deterministic test is run once.
    weights = chosen_weights()
    model = build(submission, [2, (3, 1), "M", 4, *["M"] * 6], num_classes=5)
    state = {}
    for name, parameter in named_parameters(model).items():
        shape = tuple(parameter.shape)
        if shape in weights:
            state[name] = weights[shape]
        elif shape[::-1] in weights:  # a linear layer that stores its matrix as (inputs, outputs)
            state[name] = weights[shape[::-1]].T.contiguous()
        else:
            raise WrongAnswer("A parameter of build_vgg's network has a shape that no layer of VGG has.")
    model.to_empty(device="cpu")  # memory, but nothing drawn: to draw 17 million weights takes longer than the test
    model.load_state_dict(state, strict=False)
    model.eval()
    images = torch.randint(-2, 3, (2, 3, 224, 224), generator=torch.Generator().manual_seed(224)).float()
    inside = images[:, :, 4:-4, 4:-4]  # paler, so that the largest answers lie at the border and padding shows
    inside.sign_()[..., 1::2] = 0
    with torch.no_grad():
        expected = expected_logits(images, weights)
    assert_tensor(model(images), expected, what="the logits")
