"""Make a GPU's context and library handles in a guest, so that no submission's clock pays for them.

A context does not survive a fork, so this cannot be done once in the zygote as on the CPU.
"""

from __future__ import annotations

from typing import Any


def warm_up(framework: str) -> None:
    """Run one training step of a small convolutional network on the GPU; raises where the framework finds none."""
    {"torch": _torch, "tensorflow": _tensorflow}[framework]()


def _torch() -> None:
    import torch

    state: Any = torch.random.get_rng_state()
    layers = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),  # cuDNN's handle
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(8 * 64, 8),  # cuBLAS's
    ).to("cuda")
    optimiser = torch.optim.SGD(layers.parameters(), lr=0.1, momentum=0.9)
    for dtype in (torch.float32, torch.bfloat16):
        images = torch.zeros(8, 3, 8, 8, device="cuda")
        with torch.autocast("cuda", dtype=dtype, enabled=dtype is not torch.float32):
            loss = torch.nn.functional.cross_entropy(layers(images), torch.zeros(8, dtype=torch.long, device="cuda"))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # no annotations
        optimiser.step()
    torch.cuda.synchronize()
    del layers, optimiser, images, loss
    torch.cuda.empty_cache()
    torch.random.set_rng_state(state)


def _tensorflow() -> None:
    import tensorflow  # type: ignore[import-untyped]  # it has no annotations

    gpus = tensorflow.config.list_physical_devices("GPU")
    if not gpus:
        raise RuntimeError("TensorFlow finds no GPU")
    for gpu in gpus:
        tensorflow.config.experimental.set_memory_growth(gpu, True)  # else it takes nearly all of it at once
    with tensorflow.device("/GPU:0"):
        images = tensorflow.zeros((8, 8, 8, 3))
        kernel = tensorflow.zeros((3, 3, 3, 8))
        flat = tensorflow.reshape(tensorflow.nn.conv2d(images, kernel, 1, "SAME"), (8, -1))
        tensorflow.linalg.matmul(flat, flat, transpose_b=True).numpy()
