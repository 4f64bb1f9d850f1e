"""The devices of this machine: found, locked, handed to a guest, and watched while it computes."""

from gpu_runner.devices.base import Device, Observed, Witness
from gpu_runner.devices.find import describe_devices, find_devices
from gpu_runner.devices.locks import DeviceBusy

__all__ = ["Device", "DeviceBusy", "Observed", "Witness", "describe_devices", "find_devices"]
