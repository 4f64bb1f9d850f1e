"""What a sandbox must let through so that its guests reach one GPU and no other."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from gpu_runner.devices.nvml import Gpu
from grader.errors import InfrastructureError
from grader.sandbox import DeviceAccess

# Besides the card's own /dev/nvidia<minor>; not every driver makes all of them.
COMMON_NODES = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")
NEEDED_NODES = ("nvidiactl", "nvidia-uvm")
# Where the driver's library looks for the card, its NUMA node and the kernel modules' parameters.
SYSTEM_FOLDERS = ("devices", "bus/pci", "module/nvidia*")
LIBRARY = "libcuda.so.1"
# A line of `ldconfig -p` that names a library of the driver; those of the CUDA toolkit come with the frameworks.
CACHED = re.compile(r"^\s*(?:libcuda\.so|libcudadebugger\.so|libnvidia-)\S* \(([^)]*)\) => (/.*)$", re.MULTILINE)
# Folders that container runtimes and WSL mount the driver into without telling the linker's cache.
MOUNTED = ("/usr/local/nvidia/lib64", "/usr/local/nvidia/lib", "/usr/lib/wsl/lib")
VARIABLES = (
    ("CUDA_DEVICE_ORDER", "PCI_BUS_ID"),
    # cuBLAS gives the same bits for the same inputs only with workspaces of a fixed size.
    ("CUBLAS_WORKSPACE_CONFIG", ":4096:8"),
    # Asked whether there is a GPU, PyTorch then asks NVML. Otherwise it starts CUDA, which no later fork survives.
    ("PYTORCH_NVML_BASED_CUDA_CHECK", "1"),
    # TensorFlow and JAX would otherwise take nearly all of the device's memory before they need any.
    ("TF_FORCE_GPU_ALLOW_GROWTH", "true"),
    ("XLA_PYTHON_CLIENT_PREALLOCATE", "false"),
)


def access_to(gpu: Gpu, *, dev: Path = Path("/dev"), sys: Path = Path("/sys")) -> DeviceAccess:
    """What a guest gets of one GPU.

    Raises InfrastructureError where a device file that CUDA needs, or the driver's library, is not there.
    """
    for name in (f"nvidia{gpu.minor}", *NEEDED_NODES):
        if not (dev / name).exists():
            raise InfrastructureError(
                f"the device file {dev / name} is missing, without which CUDA does not start",
                remedy="load the driver's modules and make their device files: nvidia-modprobe -u -c=0",
            )
    nodes = [dev / name for name in (f"nvidia{gpu.minor}", *COMMON_NODES)]
    folders = [folder for pattern in SYSTEM_FOLDERS for folder in sorted(sys.glob(pattern))]
    libraries, search = library_folders()
    return DeviceAccess(
        nodes=tuple(str(node) for node in nodes if node.exists()),
        folders=tuple(map(str, folders)) + libraries,
        variables=(
            ("CUDA_VISIBLE_DEVICES", gpu.uuid),
            *VARIABLES,
            *([("LD_LIBRARY_PATH", search)] if search else []),
        ),
        driver=True,
    )


def library_folders() -> tuple[tuple[str, ...], str]:
    """Folders outside /usr that hold the driver's libraries, and what LD_LIBRARY_PATH must say, empty if nothing.

    Found as the linker finds them: LD_LIBRARY_PATH of this process, the linker's cache, the usual mounts.
    Raises InfrastructureError where there is no libcuda.so.1 in any of them.
    """
    own = [Path(entry) for entry in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if entry.startswith("/")]
    by_variable = [folder for folder in own if (folder / LIBRARY).exists()]
    cached = cached_libraries(_linker_cache())
    if by_variable:
        needed, search = by_variable, str(by_variable[0])
    elif any(path.name == LIBRARY for path in cached):
        needed, search = [path.parent for path in cached], ""
    else:
        needed = [Path(folder) for folder in MOUNTED if Path(folder, LIBRARY).exists()][:1]
        if not needed:
            raise InfrastructureError(
                f"the driver's library {LIBRARY} is nowhere",
                remedy="install the driver's libraries, then run: ldconfig",
            )
        search = str(needed[0])
    # The files may be links into another folder, which is needed as well.
    real = [path.resolve().parent for folder in needed for path in folder.glob(f"{LIBRARY}*")]
    return tuple(dict.fromkeys(str(folder) for folder in [*needed, *real] if not _in_usr(folder))), search


def cached_libraries(listing: str) -> list[Path]:
    """The driver's 64-bit libraries of a listing by ``ldconfig -p``."""
    # "libc6,x86-64", "libc6,AArch64"; a 32-bit library has no second word.
    return [Path(path) for kind, path in CACHED.findall(listing) if "64" in kind]


def _linker_cache() -> str:
    # Most users have no sbin in their PATH.
    ldconfig = shutil.which("ldconfig", path=os.pathsep.join(["/sbin", "/usr/sbin", os.environ.get("PATH", "")]))
    if ldconfig is None:
        return ""  # no glibc: the other places remain
    done = subprocess.run([ldconfig, "-p"], capture_output=True, text=True, errors="replace", timeout=30, check=False)
    return done.stdout


def _in_usr(folder: Path) -> bool:
    """Whether the sandbox shows the folder anyway: /usr, and /lib or /lib64 where they are links into it."""
    return folder.resolve().is_relative_to("/usr") and (
        folder.is_relative_to("/usr") or Path("/", folder.parts[1]).is_symlink()
    )


def visible(gpus: Iterable[Gpu], variable: str | None) -> list[Gpu]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves to this process, in its order; None: all.

    As CUDA reads it: numbers or beginnings of UUIDs; the first that names no device ends the list. Numbers count along
    the PCI bus (CUDA_DEVICE_ORDER=PCI_BUS_ID, the order of nvidia-smi).
    """
    everything = list(gpus)
    if variable is None:
        return everything
    chosen: list[Gpu] = []
    for entry in map(str.strip, variable.split(",")):
        if entry.isdecimal():
            found = [gpu for gpu in everything if gpu.index == int(entry)]
        else:
            found = [gpu for gpu in everything if entry.startswith("GPU-") and gpu.uuid.startswith(entry)]
        if len(found) != 1 or found[0] in chosen:
            break
        chosen += found
    return chosen
