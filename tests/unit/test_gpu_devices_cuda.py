"""GPUs as devices, with a fake NVML and a fake of the Python package in front of the real one."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gpu_runner.devices import Device, DeviceBusy, describe_devices, find, find_devices, locks
from gpu_runner.devices.cuda import CudaDevice
from gpu_runner.devices.driver import access_to, cached_libraries, library_folders, visible
from gpu_runner.devices.gpu_watch import GpuWatch
from gpu_runner.devices.nvml import Computing, NoNvml, Nvml, open_nvml, reasons_of
from grader.errors import InfrastructureError
from tests.fakes.nvml import IDLE, MIB, FakeNvml, card, computing

STRANGER = 1  # a process that lives here
# Above the kernel's largest process number, so that no other process has them.
GUEST, CHILD, NOBODY = 2**22 + 1, 2**22 + 2, 2**22 + 3


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_LOCKS", str(tmp_path / "locks"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


class Watched:
    """A watch over a fake GPU, looked through by hand."""

    def __init__(self, baseline_mib: int = 500, limit_mib: int = 1000) -> None:
        self.nvml = FakeNvml()
        self.words: list[str] = []
        nvml: Nvml = self.nvml
        self.watch = GpuWatch(nvml, card(), baseline_mib * MIB, GUEST, limit_mib, self.words.append)

    def look(self, *processes: tuple[int, int | None], used: int = 500, **changes: Any) -> None:
        self.nvml.now = dataclasses.replace(IDLE, processes=computing(*processes), used_bytes=used * MIB, **changes)
        self.watch.look()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setattr("gpu_runner.devices.gpu_watch.descendants", lambda pid: [CHILD])
    return Watched()


# --- memory -----------------------------------------------------------------------------------------------------------


def test_memory_of_all_processes_of_the_guest_counts(watched: Watched) -> None:
    watched.look((GUEST, 600), (CHILD, 400), used=1500)
    assert watched.words == []
    watched.look((GUEST, 600), (CHILD, 401), used=1501)
    assert watched.words == ["The submission took 1001 MiB of GPU memory; 1000 MiB are allowed."]
    watched.look((GUEST, 3000), used=3500)
    assert len(watched.words) == 1  # it is ended once
    conditions = watched.watch.conditions()
    assert conditions["peak_gpu_memory_mb"] == 3000
    assert conditions["gpu_memory_counted_by"] == "process"


@pytest.mark.parametrize("processes", [[(GUEST, None)], [(NOBODY, 1001)], []])
def test_where_processes_are_not_told_all_that_came_counts(
    watched: Watched, processes: list[tuple[int, int | None]]
) -> None:
    watched.look(*processes, used=1500)
    assert watched.words == []
    watched.look(*processes, used=1501)
    assert watched.words == ["The submission took 1001 MiB of GPU memory; 1000 MiB are allowed."]
    assert watched.watch.conditions()["gpu_memory_counted_by"] == "device"
    assert watched.watch.disturbed() == ""


def test_a_strangers_memory_is_not_the_guests(watched: Watched) -> None:
    watched.look((STRANGER, 900), used=1450)
    watched.look((STRANGER, None), used=9000)
    watched.look((GUEST, 700), (STRANGER, 2000), used=3200)
    assert watched.words == []
    assert watched.watch.conditions()["peak_gpu_memory_mb"] == 700


def test_memory_that_was_freed_meanwhile_is_no_memory(watched: Watched) -> None:
    watched.look(used=100)
    assert watched.watch.conditions()["peak_gpu_memory_mb"] == 0


# --- disturbance ------------------------------------------------------------------------------------------------------


def test_a_stranger_disturbs(watched: Watched) -> None:
    watched.look((GUEST, 10), (STRANGER, 10))
    assert watched.watch.disturbed() == ""  # seen once it may be a child of the guest that was about to be found
    watched.look((GUEST, 10), (STRANGER, 10))
    watched.look((GUEST, 10))
    assert f"process {STRANGER}" in watched.watch.disturbed()
    assert "computed on the GPU as well" in watched.watch.disturbed()


def test_the_guest_and_the_runner_are_no_strangers(watched: Watched) -> None:
    for _ in range(3):
        watched.look((GUEST, 10), (CHILD, 10), (os.getpid(), 10))
    assert watched.watch.disturbed() == ""


def test_a_stranger_of_another_container_is_seen_where_the_guest_is(watched: Watched) -> None:
    watched.look((GUEST, 10), (NOBODY, 10))
    watched.look((GUEST, 10), (NOBODY, 10))
    assert watched.watch.disturbed() == f"process {NOBODY} computed on the GPU as well"


@pytest.mark.parametrize(
    "reason", ["hardware slowdown", "software thermal slowdown", "hardware thermal slowdown", "hardware power brake"]
)
def test_throttling_disturbs(watched: Watched, reason: str) -> None:
    watched.look((GUEST, 10))
    watched.look((GUEST, 10), reasons=frozenset({reason, "software power cap"}))
    assert watched.watch.disturbed() == f"the GPU was throttled ({reason} in 1 of 2 looks)"


@pytest.mark.parametrize("reason", ["idle", "software power cap", "application clocks", "sync boost"])
def test_ordinary_reasons_do_not(watched: Watched, reason: str) -> None:
    watched.look((GUEST, 10), reasons=frozenset({reason}))
    assert watched.watch.disturbed() == ""
    assert watched.watch.conditions()["throttle_reasons"] == {reason: 1}


def test_conditions_are_what_was_measured(watched: Watched) -> None:
    watched.look(sm_mhz=1000, watts=100.0, celsius=None)
    watched.look(sm_mhz=2000, watts=None, celsius=None)
    conditions = watched.watch.conditions()
    assert conditions["sm_mhz"] == {"min": 1000, "mean": 1500.0, "max": 2000}
    assert conditions["watts"] == {"min": 100.0, "mean": 100.0, "max": 100.0}
    assert "celsius" not in conditions
    assert (conditions["driver"], conditions["cuda_driver"], conditions["looks"]) == ("600.1", "13.0", 2)


# --- the device -------------------------------------------------------------------------------------------------------


def test_a_device_is_locked_by_its_uuid(tmp_path: Path) -> None:
    device: Device = CudaDevice(0, FakeNvml())
    assert (device.name, device.kind, device.model) == ("Fake 9000 0", "cuda", "Fake 9000")
    with device.lock(wait=lambda: False):
        assert (tmp_path / "locks" / "GPU-0a-fake.lock").exists()
        with (
            pytest.raises(DeviceBusy, match=f"Fake 9000 0 is in use by pid {os.getpid()}"),
            device.lock(wait=lambda: False),
        ):
            pytest.fail("two hold one device")


def test_a_device_on_which_somebody_computes_is_busy() -> None:
    nvml = FakeNvml(now=dataclasses.replace(IDLE, processes=computing((STRANGER, 100))))
    device = CudaDevice(0, nvml)
    with (
        pytest.raises(DeviceBusy, match=f"Fake 9000 0 is in use by process {STRANGER}"),
        device.lock(wait=lambda: False),
    ):
        pytest.fail("the device was in use")
    asked = []

    def gone_at_the_second_look() -> bool:
        asked.append(True)
        if len(asked) == 2:
            nvml.now = IDLE
        return True

    with device.lock(wait=gone_at_the_second_look):
        assert len(asked) == 2


def test_what_a_run_left_is_found() -> None:
    nvml = FakeNvml()
    device = CudaDevice(0, nvml, grace_seconds=0.0)
    with device.lock(wait=lambda: False):
        assert device.leftovers() == ""
        nvml.now = dataclasses.replace(IDLE, used_bytes=IDLE.used_bytes + 64 * MIB)
        assert device.leftovers() == ""
        nvml.now = dataclasses.replace(IDLE, used_bytes=IDLE.used_bytes + 300 * MIB)
        assert device.leftovers().startswith("300 MiB of memory of Fake 9000 0 are still held")
        nvml.now = dataclasses.replace(IDLE, processes=computing((NOBODY, 1)))
        assert device.leftovers() == f"process {NOBODY} still computes on Fake 9000 0"


def test_what_vanishes_within_the_grace_is_no_leftover(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml(now=dataclasses.replace(IDLE, processes=computing((NOBODY, 1))))
    device = CudaDevice(0, nvml, grace_seconds=60.0)

    def vanish(seconds: float) -> None:
        nvml.now = IDLE

    monkeypatch.setattr("gpu_runner.devices.cuda.time.sleep", vanish)
    assert device.leftovers() == ""


def test_a_witness_watches_from_the_lock_s_baseline_on() -> None:
    nvml = FakeNvml()
    device = CudaDevice(0, nvml)
    words: list[str] = []
    with device.lock(wait=lambda: False):
        nvml.now = dataclasses.replace(IDLE, used_bytes=IDLE.used_bytes + 300 * MIB)
        seen = device.watch(os.getpid(), 200, words.append).stop()
    assert words == ["The submission took 300 MiB of GPU memory; 200 MiB are allowed."]
    assert {"kernel", "cpu_seconds", "gpu", "driver", "sm_mhz", "peak_gpu_memory_mb"} <= set(seen.conditions)


def test_a_task_that_needs_more_memory_than_there_is() -> None:
    with pytest.raises(InfrastructureError, match="16000 MiB of memory; the task allows 16001"):
        CudaDevice(0, FakeNvml()).watch(os.getpid(), 16001, lambda why: None)


# --- finding ----------------------------------------------------------------------------------------------------------


def test_gpus_come_first_and_all_of_them() -> None:
    nvml = FakeNvml([card(0), card(1), card(2)])
    assert [device.name for device in find_devices(nvml=nvml)] == ["Fake 9000 0", "Fake 9000 1", "Fake 9000 2"]
    assert [device.name for device in find_devices("cuda", 2, nvml=nvml)] == ["Fake 9000 0", "Fake 9000 1"]
    assert [device.kind for device in find_devices("cpu", nvml=nvml)] == ["cpu"]


def test_only_what_the_environment_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = FakeNvml([card(0), card(1), card(2, mig=True)])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert [device.name for device in find_devices(nvml=nvml)] == ["Fake 9000 1"]
    assert "CUDA_VISIBLE_DEVICES hides Fake 9000 0" in describe_devices(nvml)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    with pytest.raises(InfrastructureError, match=r"Fake 9000 2 is divided into instances"):
        find_devices(nvml=nvml)  # nor is it the CPU instead


@pytest.mark.parametrize(
    ("variable", "indices"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("2,0", [2, 0]),
        ("GPU-1", [1]),
        ("GPU-", []),  # names several
        ("0,7,1", [0]),
        ("-1", []),
        ("1,1", [1]),
        ("MIG-1", []),
    ],
)
def test_cuda_visible_devices(variable: str | None, indices: list[int]) -> None:
    assert [gpu.index for gpu in visible([card(0), card(1), card(2)], variable)] == indices


def test_no_gpu_at_all() -> None:
    nvml = FakeNvml([])
    assert [device.kind for device in find_devices(nvml=nvml)] == ["cpu"]
    with pytest.raises(InfrastructureError, match="the driver finds no GPU"):
        find_devices("cuda", nvml=nvml)


def test_a_driver_without_nvml_is_no_reason_to_use_the_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken() -> Nvml:
        raise NoNvml("no NVML: the versions of driver and library differ")

    monkeypatch.setattr(find, "open_nvml", broken)
    monkeypatch.setattr(find, "DRIVER", tmp_path / "version")
    assert [device.kind for device in find_devices()] == ["cpu"]
    with pytest.raises(NoNvml):
        find_devices("cuda")
    (tmp_path / "version").touch()
    with pytest.raises(NoNvml):
        find_devices()
    assert "cuda: no NVML: the versions of driver and library differ" in describe_devices()


# --- access -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder outside /usr with the driver's library and some of its device files."""
    dev, libraries = tmp_path / "dev", tmp_path / "it's lib"
    for folder in (dev, libraries, tmp_path / "sys/devices", tmp_path / "sys/module/nvidia_uvm"):
        folder.mkdir(parents=True)
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (dev / name).touch()
    (libraries / "libcuda.so.1").touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"relative::{tmp_path}:{libraries}")
    return tmp_path


def test_a_guest_gets_its_gpu_and_no_other(driver: Path) -> None:
    access = access_to(card(1), dev=driver / "dev", sys=driver / "sys")
    assert access.nodes == tuple(str(driver / "dev" / name) for name in ("nvidia1", "nvidiactl", "nvidia-uvm"))
    assert access.folders == tuple(str(driver / name) for name in ("sys/devices", "sys/module/nvidia_uvm", "it's lib"))
    variables = dict(access.variables)
    assert variables["CUDA_VISIBLE_DEVICES"] == "GPU-1a-fake"
    assert variables["LD_LIBRARY_PATH"] == str(driver / "it's lib")
    assert access.driver
    assert access.cores == ()


def test_a_missing_device_file_is_named(driver: Path) -> None:
    with pytest.raises(InfrastructureError, match="nvidia4 is missing"):
        access_to(card(4), dev=driver / "dev", sys=driver / "sys")
    (driver / "dev/nvidia-uvm").unlink()
    with pytest.raises(InfrastructureError, match="nvidia-uvm is missing"):
        access_to(card(0), dev=driver / "dev", sys=driver / "sys")


def test_libraries_of_the_linkers_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outside = tmp_path / "opt driver"
    real = tmp_path / "store"
    for folder in (outside, real):
        folder.mkdir()
    (real / "libcuda.so.600").touch()
    (outside / "libcuda.so.1").symlink_to(real / "libcuda.so.600")
    listing = (
        "2 libs found in cache `/etc/ld.so.cache'\n"
        f"\tlibcuda.so.1 (libc6,x86-64) => {outside}/libcuda.so.1\n"
        "\tlibcuda.so.1 (libc6) => /lib32/libcuda.so.1\n"
        "\tlibcudart.so.13 (libc6,x86-64) => /opt/cuda/lib64/libcudart.so.13\n"
        "\tlibnvidia-ml.so.1 (libc6,x86-64) => /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1\n"
    )
    assert [path.name for path in cached_libraries(listing)] == ["libcuda.so.1", "libnvidia-ml.so.1"]
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    monkeypatch.setattr("gpu_runner.devices.driver._linker_cache", lambda: listing)
    assert library_folders() == ((str(outside), str(real)), "")


def test_no_library_of_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    monkeypatch.setattr("gpu_runner.devices.driver._linker_cache", lambda: "")
    monkeypatch.setattr("gpu_runner.devices.driver.MOUNTED", ("/nowhere",))
    with pytest.raises(InfrastructureError, match=r"libcuda\.so\.1 is nowhere"):
        library_folders()


# --- the package in front of the real library -------------------------------------------------------------------------


class NVMLError(Exception):
    pass


class NotSupported(NVMLError):
    pass


def package(**changes: Any) -> SimpleNamespace:
    """What of the package ``nvidia-ml-py`` is used, for one GPU."""

    def fixed(value: Any) -> Any:
        return lambda *arguments: value

    def refused(*arguments: Any) -> Any:
        raise NotSupported("Not Supported")

    functions = {
        "Init": fixed(None),
        "SystemGetDriverVersion": fixed("600.1"),
        "SystemGetCudaDriverVersion_v2": fixed(13020),
        "DeviceGetCount": fixed(1),
        "DeviceGetHandleByIndex": lambda index: f"handle {index}",
        "DeviceGetUUID": fixed("GPU-77"),
        "DeviceGetName": fixed("Fake"),
        "DeviceGetMinorNumber": fixed(3),
        "DeviceGetMigMode": refused,
        "DeviceGetMemoryInfo": fixed(SimpleNamespace(used=7 * MIB, total=100 * MIB)),
        "DeviceGetComputeRunningProcesses": fixed([SimpleNamespace(pid=5, usedGpuMemory=None)]),
        "DeviceGetClockInfo": lambda handle, which: which,
        "DeviceGetTemperature": refused,
        "DeviceGetPowerUsage": fixed(70500),
        "DeviceGetUtilizationRates": fixed(SimpleNamespace(gpu=55)),
        "DeviceGetCurrentClocksThrottleReasons": fixed(0x44),
    }
    values = {f"nvml{name}": changes.get(name, function) for name, function in functions.items()}
    for name, function in values.items():
        function.__name__ = name
    errors = dict.fromkeys(("NVMLError_NoPermission", "NVMLError_FunctionNotFound"), NotSupported)
    constants = {"NVML_CLOCK_SM": 1, "NVML_CLOCK_MEM": 2, "NVML_TEMPERATURE_GPU": 0, "NVML_DEVICE_MIG_ENABLE": 1}
    return SimpleNamespace(NVMLError=NVMLError, NVMLError_NotSupported=NotSupported, **values, **errors, **constants)


def test_the_library_as_plain_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", package())
    nvml = open_nvml()
    assert (nvml.driver, nvml.cuda) == ("600.1", "13.2")
    [gpu] = nvml.gpus()
    assert (gpu.uuid, gpu.model, gpu.minor, gpu.memory_mb, gpu.mig) == ("GPU-77", "Fake", 3, 100, False)
    reading = nvml.read(0)
    assert reading.processes == (Computing(5, None),)
    assert (reading.used_bytes, reading.sm_mhz, reading.memory_mhz) == (7 * MIB, 1, 2)
    assert (reading.celsius, reading.watts, reading.utilisation) == (None, 70.5, 55)
    assert reading.reasons == {"software power cap", "hardware thermal slowdown"}


def test_a_gpu_in_instances_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", package(DeviceGetMigMode=lambda handle: [1, 1]))
    assert open_nvml().gpus()[0].mig


def test_a_lost_gpu_is_an_infrastructure_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*arguments: Any) -> Any:
        raise NVMLError("GPU is lost")

    for name in ("DeviceGetMemoryInfo", "DeviceGetClockInfo"):
        monkeypatch.setitem(sys.modules, "pynvml", package(**{name: lost}))
        with pytest.raises(InfrastructureError, match=f"nvml{name} failed: GPU is lost"):
            open_nvml().read(0)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver() -> None:
        raise NVMLError("Driver Not Loaded")

    monkeypatch.setitem(sys.modules, "pynvml", package(Init=no_driver))
    with pytest.raises(NoNvml, match="no NVML: Driver Not Loaded"):
        open_nvml()
    monkeypatch.setitem(sys.modules, "pynvml", None)  # importing it raises ModuleNotFoundError
    with pytest.raises(NoNvml, match="nvidia-ml-py is not installed"):
        open_nvml()


def test_the_package_has_all_that_is_used() -> None:
    """The fake above must not promise what the real package lacks; importing it needs no driver."""
    library = pytest.importorskip("pynvml", reason="the package nvidia-ml-py is not installed")
    for name in vars(package()):
        assert hasattr(library, name), name
    for bit in (0x8, 0x20, 0x40, 0x80):
        assert bit in find_bits(library)


def find_bits(library: Any) -> set[int]:
    return {value for name, value in vars(library).items() if name.startswith("nvmlClocksThrottleReason")}


def test_reasons_in_words() -> None:
    assert reasons_of(0) == frozenset()
    assert reasons_of(0x81) == {"idle", "hardware power brake"}
    assert reasons_of(0x1004) == {"software power cap", "reason 0x1000"}


def test_users_without_a_name_have_a_number() -> None:
    assert locks.user_name(0) == "root"
    assert locks.user_name(2**31 - 7) == f"user {2**31 - 7}"
