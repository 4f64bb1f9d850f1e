"""A made-up class: 40 students, six assignments, every status and every outcome; the same at each call."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from grader.model import (
    Assignment,
    Course,
    Environment,
    GradeReport,
    Limits,
    Outcome,
    Status,
    Student,
    TestResult,
    TestSpec,
)

GRADED_AT = datetime(2026, 9, 28, 6, 12, tzinfo=UTC)


def _specs(*rows: tuple[str, str, float, str, bool]) -> tuple[TestSpec, ...]:
    return tuple(TestSpec(name, title, points, hint, visible) for name, title, points, hint, visible in rows)


SUITES: dict[str, tuple[str, tuple[TestSpec, ...]]] = {
    "gradient_descent": (
        "Linear regression by gradient descent",
        _specs(
            ("test_predict_example", "predict on the lesson's 17 points", 1, "", True),
            ("test_predict", "predict for any number of features", 2, "X @ w + b has one number per row of X.", False),
            ("test_mse_loss", "the loss is halved", 3, "Look at the denominator: the contract says 2 n, not n.", False),
            ("test_gradient_values", "gradient with respect to w and b", 4, "Derive the loss on paper first.", False),
            ("test_gradient_unchanged", "mse_gradient leaves its arguments alone", 1, "Do not use += on X.", False),
            ("test_history_before_update", "history holds each loss before its update", 2, "Append, then step.", False),
            ("test_descent_converges", "gradient_descent finds the line", 3, "", True),
            ("test_sgd_last_slice", "sgd uses a shorter last slice", 4, "What if batch_size does not divide n?", False),
        ),
    ),
    "perceptron_or": (
        "A perceptron and a neuron learn OR",
        _specs(
            ("test_step_zero", "step is 0 at 0", 1, "The contract says z > 0, so 0 itself gives 0.", True),
            ("test_step_integer", "step returns integers", 1, "", False),
            ("test_perceptron_or", "train_perceptron learns OR", 3, "", True),
            ("test_epochs_counted", "epochs counts the clean epoch too", 2, "Count before you break.", False),
            ("test_not_separable", "stops at max_epochs on XOR", 2, "No line separates XOR.", False),
            ("test_sigmoid_extremes", "sigmoid at ±1000 without a warning", 3, "exp(1000) overflows.", False),
            ("test_neuron_gradient", "one step of train_neuron", 4, "Do not forget the factor 2 and the 1/n.", False),
            ("test_neuron_or", "the neuron answers OR", 4, "", True),
        ),
    ),
    "conv_output_size": (
        "Sizes of convolutions and pools",
        _specs(
            ("test_conv", "conv_output_size rounds down", 3, "Use //, not round().", True),
            ("test_dilation", "dilation spreads the kernel", 2, "A kernel of 3 with dilation 2 covers 5.", False),
            ("test_pool_ceil", "pool_output_size rounds up by default", 3, "", False),
            ("test_pool_last_window", "a pool window that starts outside does not count", 2, "Compare PyTorch.", False),
            ("test_same", "SAME padding depends on the stride alone", 2, "", True),
            ("test_transposed", "transposed_conv_output_size", 3, "It undoes conv_output_size.", False),
            ("test_receptive_field", "two 3×3 convolutions see 5", 3, "Strides multiply as you go deeper.", False),
            ("test_value_errors", "ValueError for impossible sizes", 2, "Check every argument first.", False),
        ),
    ),
    "lenet_forward": (
        "LeNet, forwards",
        _specs(
            ("test_layer_shapes", "layer_shapes names all twelve layers", 4, "", True),
            ("test_module_logits", "LeNet returns logits of shape (n, 10)", 4, "No softmax at the end.", True),
            ("test_parameter_order", "parameters come in the order of the layers", 2, "", False),
            ("test_functional", "lenet_forward uses the given parameters", 6, "Use torch.nn.functional.", False),
            ("test_gradient_flows", "gradients flow back to the parameters", 4, "detach() cuts the graph.", False),
        ),
    ),
    "vgg_param_count": (
        "Counting the parameters of VGG",
        _specs(
            ("test_conv_params", "conv_params counts weights and biases", 3, "One bias per output channel.", True),
            ("test_config_c", "configuration C has 1×1 convolutions", 2, "Read the paper's table 1.", False),
            ("test_vgg16", "VGG-16 has 138 357 544 parameters", 4, "", True),
            ("test_table_shapes", "vgg_param_table lists every layer's shape", 5, "Pools round down.", False),
            ("test_build", "build_vgg on the meta device", 4, "", False),
            ("test_tiny_image", "ValueError when pools shrink the image to nothing", 2, "", False),
        ),
    ),
    "dropout": (
        "Inverted dropout",
        _specs(
            ("test_mask", "the mask keeps where rng.random(x.shape) >= p", 3, "", True),
            ("test_scaling", "kept units are divided by 1 - p", 4, "Otherwise the expectation shrinks.", False),
            ("test_evaluation", "evaluation passes x through", 2, "With training=False the mask is None.", True),
            ("test_backward", "dropout_backward scales like the forward pass", 4, "", False),
            ("test_module_modes", "Dropout follows train() and eval()", 4, "Ask self.training.", False),
            ("test_p_range", "ValueError for p outside 0 ≤ p < 1", 3, "p = 1 would divide by zero.", False),
        ),
    ),
}

_NAMES = (
    "Ada Nowak, Ben Okafor, Chiara Rossi, Đorđe Petrović, Eun-ji Park, Farid Haddad, Greta Lindqvist, Hugo Álvarez, "
    "Ines Moreau, Jan de Vries, Keiko Tanaka, Liam O'Brien, Mira Shah, Nils Berg, Olga Ivanova, Pedro Santos, "
    "Quỳnh Trần, Rosa Jiménez, Samuel Adeyemi, Tuva Hansen, Umut Yılmaz, Vera Koch, Wei Zhang, Ximena Cruz, "
    "Yusuf Demir, Zofia Kowalska, Amir Rahimi, Bruna Costa, Cem Aydın, Dana Katz, Emil Weber, Fatou Diop, "
    "Goran Babić, Hanna Virtanen, Isaac Mensah, Julia Horvat, Kofi Boateng, Lucia Ferrari, Mateo García, Noor Khan"
)


def _student_id(name: str) -> str:
    plain = name.casefold().translate(str.maketrans("đćáéíóỳầıñı ", "dcaeioyaini-", "'"))
    return "".join(character for character in plain if character.isascii())


ROSTER = tuple(Student(_student_id(name), name) for name in _NAMES.split(", "))


def course(root: Path = Path("course")) -> Course:
    """The course that the reports belong to."""
    assignments = tuple(
        Assignment(
            name=name,
            title=title,
            summary=f"{title}.",
            environment=Environment.TORCH if name in ("lenet_forward", "dropout") else Environment.NUMPY,
            points=sum(spec.points for spec in specs),
            limits=Limits(),
            order=order,
            due=None,
            solution=root / "solutions" / name / f"{name}.py",
            autotests=root / "autotests" / name,
        )
        for order, (name, (title, specs)) in enumerate(SUITES.items(), start=1)
    )
    return Course("Deep learning, first steps", 20260901, root, "sqlite:///grader.sqlite", ROSTER, assignments)


_WHAT = {
    Outcome.FAILED: "{name} has the right shape but not the right values.",
    Outcome.ERROR: "Your code raised IndexError: index 17 is out of bounds for axis 0 with size 17.",
    Outcome.TIMEOUT: "The call took more than 5 seconds of processor time and was stopped.",
    Outcome.MEMORY: "The call needed more than 1024 MiB of memory and was stopped.",
    Outcome.KILLED: "Your code ended its process: os._exit(0).",
    Outcome.NOT_RUN: "",
}

_TRACEBACK = """Traceback (most recent call last):
  {file}.py, line 41, in {function}
    residual = predict(X[order[i]], w, b) - y[order[i + 1]]
               ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~^^^^^^^^^^^^
IndexError: index 17 is out of bounds for axis 0 with size 17"""


def _test(draw: random.Random, assignment: str, spec: TestSpec, skill: float) -> TestResult:
    passed = draw.random() < skill
    lost = draw.choices(list(_WHAT), weights=[12, 5, 1, 0.5, 0.5, 0])[0]
    outcome = Outcome.PASSED if passed else lost
    part = 0.5 if outcome is Outcome.FAILED and spec.points >= 4 and draw.random() < 0.4 else 0.0
    function = spec.name.removeprefix("test_")
    return TestResult(
        name=spec.name,
        title=spec.title,
        points=spec.points,
        earned=spec.points if passed else spec.points * part,
        outcome=outcome,
        visible=spec.visible,
        hint="" if passed else spec.hint,
        message="" if passed else _WHAT[outcome].format(name=function),
        traceback=_TRACEBACK.format(file=assignment, function=function) if outcome is Outcome.ERROR else "",
        output="epoch 0 loss 3.8911\nepoch 1 loss 1.0427\n" if outcome is Outcome.TIMEOUT else "",
        seconds=round(draw.uniform(0.001, 0.02), 4),
    )


def _graded(draw: random.Random, assignment: str, student: str, skill: float) -> GradeReport:
    tests = tuple(_test(draw, assignment, spec, skill) for spec in SUITES[assignment][1])
    notes = ("Cell 3 of the notebook raised NameError: name 'plt2' is not defined; the next cells still ran.",)
    return GradeReport(
        assignment=assignment,
        student=student,
        status=Status.GRADED,
        score=sum(test.earned for test in tests),
        max_score=sum(test.points for test in tests),
        tests=tests,
        notes=notes if draw.random() < 0.08 else (),
        output="training …\ndone\n" if draw.random() < 0.1 else "",
        seconds=round(draw.uniform(0.05, 0.4), 3),
        key=f"{assignment}:{student}:1",
        graded_at=GRADED_AT,
    )


def _ungraded(assignment: str, student: str, status: Status) -> GradeReport:
    specs = SUITES[assignment][1]
    reason, traceback = {
        Status.MISSING: (f"There is no {assignment}.py or {assignment}.ipynb in the folder.", ""),
        Status.UNREADABLE: (f"{assignment}.ipynb is not valid JSON (line 212); save the notebook again.", ""),
        Status.BROKEN: (
            f"{assignment}.py, line 23: SyntaxError: '(' was never closed.",
            f"  {assignment}.py, line 23\n    return (X @ w + b\n           ^\nSyntaxError: '(' was never closed",
        ),
        Status.NOT_GRADED: ("The sandbox was stopped by the system while this submission was graded.", ""),
    }[status]
    return GradeReport(
        assignment=assignment,
        student=student,
        status=status,
        score=None if status is Status.NOT_GRADED else 0.0,
        max_score=sum(spec.points for spec in specs),
        tests=tuple(
            TestResult(spec.name, spec.title, spec.points, 0.0, visible=spec.visible, hint=spec.hint) for spec in specs
        ),
        reason=reason,
        traceback=traceback,
        key=f"{assignment}:{student}:1",
        graded_at=GRADED_AT + timedelta(minutes=1),
    )


def reports() -> list[GradeReport]:
    """One report per student and assignment, but for the last student, who has none for the last assignment."""
    draw = random.Random(20260901)
    special = {
        (3, "gradient_descent"): Status.BROKEN,
        (7, "perceptron_or"): Status.MISSING,
        (11, "conv_output_size"): Status.UNREADABLE,
        (18, "lenet_forward"): Status.NOT_GRADED,
        (25, "dropout"): Status.MISSING,
        (25, "vgg_param_count"): Status.MISSING,
        (30, "lenet_forward"): Status.BROKEN,
    }
    made = []
    for index, student in enumerate(ROSTER):
        skill = min(0.99, draw.betavariate(5, 1.6))
        for name in SUITES:
            status = special.get((index, name))
            graded = _graded(draw, name, student.id, 1.0 if index in (0, 22) else skill)
            made.append(_ungraded(name, student.id, status) if status else graded)
    return made[:-1]


def hostile_report() -> GradeReport:
    """What a student who knows HTML, terminals and Unicode would hand in."""
    script = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
    ansi = "\x1b[2J\x1b[31mred\x1b[0m\x1b]0;title\x07\x9b31m\x08\x00"
    bidi = "\u202egnp.exe\u202c \u2066x\u2069"
    test = TestResult(
        name="test_a",
        title="a title with <b>markup</b> & \"quotes\"",
        points=2,
        earned=0,
        outcome=Outcome.FAILED,
        hint=f"hint {script}",
        message=f"{ansi}{bidi}{script}",
        traceback=f"</pre>{script}\n{ansi}",
        output="A" * 300_000 + "\n" + "Z\u0300\u0301" * 50 + "\ud800",
    )
    return GradeReport(
        assignment="gradient_descent",
        student="../x\"a'b<c>\u202ed\x1b[31m",
        status=Status.GRADED,
        score=0.0,
        max_score=2.0,
        tests=(test,),
        reason=f"</title>{script}",
        notes=(script, ansi),
        output=f"=cmd|' /C calc'!A0 {bidi}",
        key="k",
        graded_at=GRADED_AT,
    )
