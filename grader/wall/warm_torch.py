"""Run once what torch imports or builds at first use, so that every forked child starts in milliseconds.

Measured on two cores: the first training step of a cold child takes 2.1 s, after these 0.1 s. One thread only: a child
forked after an operation on two threads hangs in its first operation.
"""

from typing import Any


def first_steps(*, backward: bool = True) -> None:
    """Forward and backward through a model that holds the layers a course uses.

    Twice, and after everything else: what is imported meanwhile makes Python forget which classes it has found to be no
    sequence and the like, and every child would look through all of them, 400 copied pages.

    :param backward: False where a GPU is visible. Autograd's first use counts the devices, which starts CUDA, and
        makes a thread for each: a child forked after that can use neither.
    """
    import torch

    torch.set_num_threads(1)
    state = torch.random.get_rng_state()
    for _ in range(2):
        model = torch.nn.Sequential(
            torch.nn.Conv2d(1, 2, 3, padding=1),
            torch.nn.BatchNorm2d(2),
            torch.nn.ReLU(),
            torch.nn.AvgPool2d(2),
            torch.nn.MaxPool2d(2),
            torch.nn.Dropout(0.5),
            torch.nn.Flatten(),
            torch.nn.Linear(8, 4),
            torch.nn.Sigmoid(),
            torch.nn.Linear(4, 2),
        )
        loss = torch.nn.functional.cross_entropy(model(torch.zeros(2, 1, 8, 8)), torch.tensor([0, 1]))
        if backward:
            loss.backward()  # type: ignore[no-untyped-call]  # no annotations
            out = model[7](torch.ones(1, 8))  # a gradient times a vector loads symbolic shapes
            torch.autograd.grad(out, list(model[7].parameters()), grad_outputs=torch.ones(1, 4))
    torch.random.set_rng_state(state)


def late_parts() -> None:
    """What loads torch's compiler, 840 modules: an optimiser's step, a layer without memory.

    They take 0.7 s and 40 MiB more than :func:`first_steps`, which not all work needs.
    """
    import torch

    torch.set_num_threads(1)
    state = torch.random.get_rng_state()
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.zeros(2)
    torch.optim.SGD([parameter], lr=0.1, momentum=0.9).step()
    with torch.device("meta"):
        torch.nn.Conv2d(1, 1, 3)(torch.empty(1, 1, 8, 8))
        torch.nn.Linear(3, 3)(torch.empty(1, 3))
    torch.random.set_rng_state(state)


def pass_tensors_by_value() -> None:
    """Let processes of a guest send each other tensors as bytes, as with any other object.

    torch would send a descriptor of shared memory, over a local socket, and guests have none. The workers of a
    DataLoader then say nothing to their parent but "Operation not permitted" in a thread, and it waits for ever.
    """
    from multiprocessing.reduction import ForkingPickler

    import torch

    for kind in (torch.Tensor, torch.nn.Parameter, torch.UntypedStorage, torch.TypedStorage):
        ForkingPickler.register(kind, _by_value)


def _by_value(value: Any) -> Any:
    import pickle

    return value.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
