"""Hidden suite of dropout.

The NumPy functions are compared with masks that this side draws from a copy of the generator. What torch's global
generator draws is the guest's affair, so the module's mask is read from its output: no entry of an input is zero, hence
an entry of the output is zero exactly where a unit was dropped. The module's tests seed that generator from ``rng``.
"""

import ast
import copy
import symtable

import numpy as np
import pytest
import torch

from grader.testing import (
    WrongAnswer,
    assert_array,
    assert_number,
    assert_raises_value_error,
    assert_tensor,
    dotted_names,
    forbid_calls,
    is_instance,
    on_device,
    seed_torch,
    unchanged,
    unpack,
    vjp,
)

BAD_P = (-0.1, 1.0, 1.5, -1e-9, 1)
READY_MADE = ("torch.nn.Dropout", "torch.nn.functional.dropout", "torch.dropout")
BY_ANOTHER_NAME = ("torch.dropout_", "torch.native_dropout", "torch._VF.dropout", "torch._VF.dropout_")


def expected_forward(x, p, rng):
    """Output and mask of inverted dropout, the mask drawn from a copy of ``rng``."""
    mask = copy.deepcopy(rng).random(x.shape) >= p
    return np.where(mask, x / (1 - p), 0.0), mask


def away_from_zero(rng, *shape, dtype=torch.float32):
    """A tensor of magnitudes from 0.5 to 2 with random signs: zero in the output means dropped."""
    return torch.from_numpy(rng.uniform(0.5, 2, shape) * rng.choice([-1.0, 1.0], shape)).to(dtype)


def build(submission, rng, *args):
    """A Dropout layer, known to be a module, with torch's generator seeded from ``rng``."""
    seed_torch(submission, int(rng.integers(2**31)))
    layer = submission.Dropout(*args)
    if not is_instance(layer, "torch.nn.modules.module.Module"):
        raise WrongAnswer("Dropout should be a class derived from torch.nn.Module.")
    return layer


def mask_of(out, x):
    """Where units were kept; the output's shape and dtype are checked first, and that its values are finite."""
    assert_tensor(out, x, what="Dropout(p)(x)", atol=float("inf"))
    return out != 0


def check_kept_fraction(mask, p):
    """Seven standard deviations: a right layer fails once in 10^11 draws."""
    bound = 7 * np.sqrt(p * (1 - p) / mask.numel())
    if abs(mask.double().mean().item() - (1 - p)) > bound:
        raise WrongAnswer("Dropout should keep a fraction of about 1 - p of the units; it keeps another one.")


@pytest.mark.points(
    2,
    title="dropout_forward: values and mask for fresh inputs of several shapes",
    hint="Draw rng.random(x.shape) once, one number for each entry of x; keep where it is >= p, the probability of "
    "dropping; return out and the boolean mask itself, not a scaled one; divide the survivors by 1 - p.",
    needs=("test_forward_worked_example",),
)
@pytest.mark.parametrize("shape", [(40,), (7, 9), (3, 4, 5, 2)], ids=str)
def test_forward_values(submission, rng, shape):
    x = rng.standard_normal(shape)
    for p in (float(rng.uniform(0.2, 0.8)), 0.0):
        wanted_out, wanted_mask = expected_forward(x, p, rng)
        out, mask = unpack(submission.dropout_forward(x, p, True, rng), 2, what="dropout_forward")
        assert_array(mask, wanted_mask, what="the mask", dtype=bool)
        assert_array(out, wanted_out, what="the output", dtype=np.float64)


@pytest.mark.points(
    1,
    title="dropout_forward: the numbers come from the generator that is handed in",
    hint="Draw from rng itself, and once: two calls with the same rng continue its stream. No np.random functions, no "
    "generator of your own.",
    needs=("test_forward_values", "test_forward_worked_example"),
)
def test_forward_stream(submission, rng):
    x, p = rng.standard_normal((6, 8)), 0.4
    generator = np.random.default_rng(int(rng.integers(2**31)))
    mine = copy.deepcopy(generator)
    for _ in range(3):
        wanted = mine.random(x.shape) >= p
        _, mask = unpack(submission.dropout_forward(x, p, True, generator), 2, what="dropout_forward")
        assert_array(mask, wanted, what="the mask of one call after the other", dtype=bool)


@pytest.mark.points(
    1,
    title="dropout_forward: nothing happens in evaluation",
    hint="With training=False out equals x, without any factor, and mask is None.",
)
def test_forward_evaluation(submission, rng):
    for shape in ((30,), (5, 6, 2)):
        x = rng.standard_normal(shape)
        out, mask = unpack(submission.dropout_forward(x, 0.4, False, rng), 2, what="dropout_forward")
        assert_array(out, x, what="the output in evaluation", dtype=np.float64)
        if mask is not None:
            raise WrongAnswer("In evaluation the mask should be None.")


@pytest.mark.points(
    1,
    title="dropout_forward and dropout_backward: arguments stay as they were",
    hint="x, dout and the mask belong to the caller: work on a copy. x[~mask] = 0 and x *= mask change the caller's "
    "array.",
    needs=(
        "test_forward_values",
        "test_forward_worked_example",
        "test_forward_evaluation",
        "test_backward_values",
        "test_backward_worked_example",
        "test_backward_without_mask",
    ),
)
def test_arguments_unchanged(submission, rng):
    x, dout, p = rng.standard_normal((6, 7)), rng.standard_normal((6, 7)), 0.3
    wanted_out, wanted_mask = expected_forward(x, p, rng)
    wanted_dx = dout * wanted_mask / (1 - p)
    with unchanged(x=x):
        out, _ = unpack(submission.dropout_forward(x, p, True, rng), 2, what="dropout_forward")
    assert_array(out, wanted_out, what="the output")
    with unchanged(dout=dout, mask=wanted_mask):
        dx = submission.dropout_backward(dout, wanted_mask, p)
    assert_array(dx, wanted_dx, what="the gradient")
    with unchanged(x=x, dout=dout):  # what comes back may be the argument itself, but the argument as it was
        submission.dropout_forward(x, p, False, rng)
        submission.dropout_backward(dout, None, p)


@pytest.mark.points(
    1.5,
    title="dropout_backward: the gradient for fresh masks",
    hint="The backward pass multiplies by the forward pass's factor, mask / (1 - p): the scale belongs to it as "
    "much as the mask.",
    needs=("test_backward_worked_example",),
)
@pytest.mark.parametrize("shape", [(25,), (6, 5), (2, 3, 4, 4)], ids=str)
def test_backward_values(submission, rng, shape):
    for p in (float(rng.uniform(0.2, 0.8)), 0.0):
        dout, mask = rng.standard_normal(shape), rng.random(shape) >= p
        wanted = np.where(mask, dout / (1 - p), 0.0)
        dx = submission.dropout_backward(dout, mask, p)
        assert_array(dx, wanted, what="the gradient", dtype=np.float64)


@pytest.mark.points(
    0.5,
    title="dropout_backward: without a mask the gradient passes unchanged",
    hint="mask=None means evaluation: nothing was scaled on the way forward, so nothing is on the way back.",
    needs=("test_backward_values", "test_backward_worked_example"),
)
def test_backward_without_mask(submission, rng):
    dout, mask = rng.standard_normal((5, 6)), rng.random((5, 6)) >= 0.3
    for given, wanted in ((None, dout), (mask, dout * mask / 0.7)):
        dx = submission.dropout_backward(dout.copy(), given, 0.3)
        assert_array(dx, wanted, what=f"the gradient {'without' if given is None else 'with'} a mask", dtype=np.float64)


@pytest.mark.points(
    0.5,
    title="expected_active: fresh numbers",
    hint="The mean is n (1 - p), a float that need not be whole; p is the probability of dropping.",
    needs=("test_expected_active_example",),
)
def test_expected_active_values(submission, rng):
    for n, p in ((int(rng.integers(50, 5000)), float(rng.uniform(0.1, 0.9))), (7, 0.5), (33, 0.0), (0, 0.3)):
        mean = submission.expected_active(n, p)
        assert_number(mean, n * (1 - p), what="expected_active")
        if not isinstance(mean, (float, np.floating)):
            raise WrongAnswer("expected_active should be a float; it is an int.")


@pytest.mark.points(
    1.5,
    title="A p outside 0 ≤ p < 1 is a ValueError in all three functions",
    hint="Check p first of all, in evaluation and with mask=None too; p = 1 is out of range, p = 0 is not.",
    needs=("test_expected_active_example",),
)
@pytest.mark.parametrize("function", ["dropout_forward", "dropout_backward", "expected_active"])
def test_functions_check_p(submission, rng, function):
    x, mask = rng.standard_normal((3, 4)), np.arange(12).reshape(3, 4) % 3 > 0
    if function == "dropout_forward":
        calls = [
            lambda p: submission.dropout_forward(x, p, True, rng),
            lambda p: submission.dropout_forward(x, p, False, rng),
        ]
        out, _ = unpack(calls[1](0.0), 2, what=function)
        assert_array(out, x, what="the output in evaluation with p = 0")
    elif function == "dropout_backward":
        calls = [
            lambda p: submission.dropout_backward(x, mask, p),
            lambda p: submission.dropout_backward(x, None, p),
        ]
        assert_array(calls[0](0.0), x * mask, what="the gradient with p = 0")
    else:
        calls = [lambda p: submission.expected_active(12, p)]
        for p, mean in ((0.0, 12.0), (0.25, 9.0)):
            assert_number(calls[0](p), mean, what="expected_active")
    for call in calls:
        for p in BAD_P:
            side = "a negative p" if p < 0 else "a p of 1 or more"
            assert_raises_value_error(call, p, what=f"{function} with {side}")


@pytest.mark.points(
    0.5,
    title="A p outside 0 ≤ p < 1 is a ValueError when a Dropout is made",
    hint="Check p in the constructor, where the mistake is made, not at the first call; p = 1 is out of range, p ="
    " 0 is not.",
    needs=("test_module_training",),
)
def test_module_checks_p(submission, rng):
    x = away_from_zero(rng, 50)
    assert_tensor(build(submission, rng, 0.0)(x), x, what="Dropout(0)(x)")
    for p in BAD_P:
        side = "a negative p" if p < 0 else "a p of 1 or more"
        assert_raises_value_error(submission.Dropout, p, what=f"Dropout with {side}")


@pytest.mark.points(
    2,
    title="Dropout in training: the right fraction falls silent, the survivors are scaled",
    hint="p is the probability of dropping, of each entry by itself and not of whole rows; survivors are divided "
    "by 1 - p, at every p and for every shape.",
)
@pytest.mark.parametrize("shape", [(10_000,), (100, 100), (20, 5, 10, 10)], ids=str)
def test_module_training(submission, rng, shape):
    p = float(rng.choice([0.2, 0.3, 0.7]))
    layer, x = build(submission, rng, p), away_from_zero(rng, *shape)
    with unchanged(x=x):
        out = layer(x)
    mask = mask_of(out, x)
    assert_tensor(out, torch.where(mask, x / (1 - p), 0.0), what="Dropout(p)(x) at the entries that were kept")
    check_kept_fraction(mask, p)
    if len(shape) > 1:  # a right layer keeps 100 given entries with probability 0.8^100 = 2e-10, drops them with less
        for dim in (0, 1):
            kept = mask.reshape(100, 100).double().mean(dim=dim)
            if ((kept == 0) | (kept == 1)).sum() > 1:
                raise WrongAnswer("Dropout should draw for each entry; here whole rows or columns share their fate.")
    assert_tensor(build(submission, rng, 0.0)(x), x, what="Dropout(0)(x)")


@pytest.mark.points(
    1,
    title="Dropout follows train() and eval()",
    hint="Ask self.training at every call: eval() switches dropout off without any factor, train() switches it on "
    "again.",
    needs=("test_module_first_call", "test_module_training"),
)
def test_module_modes(submission, rng):
    layer, x = build(submission, rng, 0.6), away_from_zero(rng, 600)
    check_kept_fraction(mask_of(layer(x), x), 0.6)
    layer.eval()
    assert_tensor(layer(x), x, what="Dropout(p)(x) after eval()")
    layer.train()
    check_kept_fraction(mask_of(layer(x), x), 0.6)
    layer.train(False)
    assert_tensor(layer(x), x, what="Dropout(p)(x) after train(False)")


@pytest.mark.points(
    1,
    title="Dropout draws a new mask at every call",
    hint="The mask is drawn in forward, not in the constructor, and not kept for the next call. Each unit is drawn by"
    " itself: how many are dropped differs from call to call.",
    needs=("test_module_training",),
)
def test_module_new_mask(submission, rng):
    layer, x = build(submission, rng), away_from_zero(rng, 500)
    masks = [mask_of(layer(x), x) for _ in range(3)]
    for mask in masks:
        check_kept_fraction(mask, 0.5)
    if torch.equal(masks[0], masks[1]) or torch.equal(masks[1], masks[2]):
        raise WrongAnswer("Two calls of the same Dropout should draw two masks; they share one.")
    # Two right masks keep equally many of 600 with probability 0.023, ten of them once in 10^14 times.
    x = away_from_zero(rng, 600)
    if len({int(mask_of(layer(x), x).sum()) for _ in range(10)}) == 1:
        raise WrongAnswer("Dropout should draw for each unit by itself; here every call drops equally many.")


@pytest.mark.points(
    1,
    title="Dropout draws from torch's global generator",
    hint="After the same torch.manual_seed the same masks come out: no NumPy, no random module, no torch.Generator"
    " of your own, and no seeding in your code.",
    needs=("test_module_new_mask", "test_module_training"),
)
def test_module_global_generator(submission, rng):
    layer, x = build(submission, rng), away_from_zero(rng, 500)
    first, second = (int(seed) for seed in rng.choice(2**31, size=2, replace=False))
    masks = []
    for seed in (first, second, first):
        seed_torch(submission, seed)
        masks.append((mask_of(layer(x), x), mask_of(layer(x), x)))
    for a, b in zip(masks[0], masks[2], strict=True):
        check_kept_fraction(a, 0.5)
        if not torch.equal(a, b):
            raise WrongAnswer("After the same torch.manual_seed Dropout should draw the same masks; it draws others.")
    if torch.equal(masks[0][0], masks[1][0]):
        raise WrongAnswer("After another torch.manual_seed Dropout should draw another mask; it draws the same.")


@pytest.mark.points(
    1,
    title="Dropout keeps the dtype",
    hint="A float32 mask times a half-precision x gives float32: use a boolean mask, or one of x's dtype "
    "(torch.rand_like(x), .to(x.dtype)).",
    needs=("test_module_training",),
)
@pytest.mark.parametrize(
    ("dtype", "rtol"), [(torch.float64, 1e-6), (torch.float16, 5e-3), (torch.bfloat16, 3e-2)], ids=str
)
def test_module_dtype(submission, rng, dtype, rtol):
    layer, x = build(submission, rng, 0.3), away_from_zero(rng, 200, dtype=dtype)
    out = layer(x)
    mask = mask_of(out, x)
    if mask.all() or not mask.any():
        raise WrongAnswer("Dropout should drop some units and keep others, whatever the dtype.")
    assert_tensor(out, torch.where(mask, x / 0.7, 0.0), what="Dropout(p)(x) at the entries that were kept", rtol=rtol)


@pytest.mark.points(
    0.5,
    title="Dropout keeps the device",
    hint="Make the mask where x is: torch.rand_like(x), torch.empty_like(x), or device=x.device.",
    needs=("test_module_training",),
)
def test_module_device(submission, rng):
    layer, x = build(submission, rng, 0.4), away_from_zero(rng, 400)
    check_kept_fraction(mask_of(layer(x), x), 0.4)
    layer.to("meta")  # a layer may hold tensors of its own, which move with it
    try:
        out = layer(torch.empty(4, 5, device="meta"))
    except RuntimeError as error:
        if "expected device" in str(error) or "same device" in str(error):  # torch: tensors of two devices have met
            raise WrongAnswer("Dropout should make its mask on the device of x; here two devices meet.") from None
        # Some right ways, x[mask] for one, need real numbers. They show the same when x is on the CPU and new tensors
        # go elsewhere by default.
        layer = build(submission, rng, 0.4)
        with on_device(submission, "meta"):
            out = layer(x)
        device, shape = "cpu", (400,)
    else:
        device, shape = "meta", (4, 5)
    if not isinstance(out, torch.Tensor) or out.device.type != device or tuple(out.shape) != shape:
        raise WrongAnswer("Dropout should return a tensor of the shape and on the device of x.")


@pytest.mark.points(
    1,
    title="Dropout lets gradients flow",
    hint="Compute with torch operations on x itself: no detach(), no .data, no numpy(), no torch.tensor(x); "
    "autograd does the rest. In evaluation the gradient passes unchanged.",
    needs=("test_module_training", "test_module_modes", "test_module_first_call"),
)
def test_module_gradient(submission, rng):
    layer, x, cotangent = build(submission, rng, 0.3), away_from_zero(rng, 500), away_from_zero(rng, 500)
    flow = vjp(layer, x, cotangent=cotangent)
    mask = mask_of(flow.output, x)
    check_kept_fraction(mask, 0.3)
    assert_tensor(flow.arguments[0], torch.where(mask, cotangent / 0.7, 0.0), what="the gradient with respect to x")
    layer.eval()
    flow = vjp(layer, x, cotangent=cotangent)
    assert_tensor(flow.arguments[0], cotangent, what="the gradient with respect to x in evaluation")


@pytest.mark.points(
    2,
    title="Dropout is your own work",
    hint="Build the mask yourself: nn.Dropout, F.dropout and torch.dropout are off limits in the class (a "
    "comparison with them elsewhere is fine).",
    needs=("test_module_training",),
)
def test_module_is_own_work(submission, submission_source, rng):
    x = away_from_zero(rng, 600)
    # torch._VF is where F.dropout ends up; it is caught there too when it was imported under a name of its own.
    with forbid_calls(submission, *READY_MADE, *BY_ANOTHER_NAME):
        layer = build(submission, rng, 0.5)
        mask = mask_of(layer(x), x)
    check_kept_fraction(mask, 0.5)
    used = dotted_names(reachable_source(submission_source, "Dropout"))
    for name in READY_MADE:
        package, _, leaf = name.rpartition(".")
        if any(entry == name or (entry.startswith(f"{package}.") and entry.endswith(f".{leaf}")) for entry in used):
            raise WrongAnswer(f"The class Dropout uses {name}, which is off limits in this assignment.")


def reachable_source(source, root):
    """The top-level statements of ``source`` that the definition of ``root`` depends on, directly or through others.

    A comparison with the built-in layer in a scratch cell, under a main guard or in a function that ``root`` does not
    use is left out, and so is a definition that a later one replaces. Imports are cut down to the names in use.
    """
    body = ast.parse(source).body
    statements = [s for i, s in enumerate(body) if not _is_replaced(s, body[i + 1 :])]
    wanted, kept = {root}, {}
    while True:
        new = {i: piece for i, s in enumerate(statements) if i not in kept and (piece := _part_for(s, wanted))}
        if not new:
            return "\n".join(ast.unparse(kept[i]) for i in sorted(kept))
        kept.update(new)
        for piece in new.values():
            wanted |= _free_names(symtable.symtable(ast.unparse(piece), "submission", "exec"))


DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _is_replaced(statement, later):
    """Tell whether a later definition takes the place of this one without building on it."""
    if not isinstance(statement, DEFINITIONS):
        return False
    for other in later:
        if isinstance(other, DEFINITIONS) and other.name == statement.name:
            basis = [*other.decorator_list, *getattr(other, "bases", [])]
            return statement.name not in {n.id for b in basis for n in ast.walk(b) if isinstance(n, ast.Name)}
    return False


def _part_for(statement, wanted):
    """The statement, or what is left of an import, if it binds one of these names or sets an attribute of one."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        names = [n for n in statement.names if (n.asname or n.name.split(".")[0]) in wanted or n.name == "*"]
        if not names:
            return None
        cut = copy.copy(statement)
        cut.names = names
        return cut
    if isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'":
        return None
    return statement if _bound_names(statement) & wanted else None


def _bound_names(statement):
    """Names that a top-level statement binds in the module, or whose attributes or items it sets."""
    if isinstance(statement, DEFINITIONS):
        return {statement.name}
    names = set()
    for node in ast.walk(statement):
        if isinstance(node, DEFINITIONS):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.split(".")[0])
        elif isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
            while isinstance(node, (ast.Attribute, ast.Subscript)):
                node = node.value
            if isinstance(node, ast.Name):
                names.add(node.id)
    return names


def _free_names(table):
    """Names that a piece of source looks up in the module: not the locals of its functions."""
    in_module = table.get_type() == "module"
    names = {s.get_name() for s in table.get_symbols() if s.is_referenced() and (in_module or s.is_global())}
    return names.union(*(_free_names(child) for child in table.get_children()))
