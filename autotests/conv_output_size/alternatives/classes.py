# Object oriented: one dataclass per kind of layer, structural pattern matching, recursion for the receptive field.
from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Layer:
    kernel: int
    stride: int | None = None
    padding: int = 0

    def __post_init__(self):
        for field in fields(self):
            match field.name, getattr(self, field.name):
                case ("padding" | "output_padding"), int(value) if value < 0:
                    raise ValueError(f"{field.name} is negative")
                case ("kernel" | "stride" | "dilation"), int(value) if value < 1:
                    raise ValueError(f"{field.name} is below 1")

    @property
    def step(self):
        return 1 if self.stride is None else self.stride

    @property
    def reach(self):
        return getattr(self, "dilation", 1) * (self.kernel - 1) + 1

    def __call__(self, size):
        if size < 1:
            raise ValueError("a size is at least 1")
        return self.output(size)

    def room(self, size):
        room = size + 2 * self.padding - self.reach
        if room < 0:
            raise ValueError("the window does not fit")
        return room


@dataclass(frozen=True)
class Conv(Layer):
    dilation: int = 1

    def output(self, size):
        return divmod(self.room(size), self.step)[0] + 1


@dataclass(frozen=True)
class Pool(Layer):
    ceil_mode: bool = True

    @property
    def step(self):
        return self.kernel if self.stride is None else self.stride

    def output(self, size):
        steps, rest = divmod(self.room(size), self.step)
        if rest and self.ceil_mode and (steps + 1) * self.step < size + self.padding:
            steps += 1
        return steps + 1


@dataclass(frozen=True)
class TransposedConv(Layer):
    output_padding: int = 0
    dilation: int = 1

    def output(self, size):
        pixels = (size - 1) * self.step + self.reach - 2 * self.padding + self.output_padding
        if pixels < 1:
            raise ValueError("no output is left")
        return pixels


def make_layer(description):
    match description:
        case {"kind": "conv", **arguments}:
            return Conv(**arguments)
        case {"kind": "pool", **arguments}:
            return Pool(**arguments)
        case {"kind": "transposed_conv", **arguments}:
            return TransposedConv(**arguments)
        case _:
            raise ValueError("unknown kind of layer")


def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):
    return Conv(kernel, stride, padding, dilation)(size)


def pool_output_size(size, kernel, stride=None, padding=0, ceil_mode=True):
    return Pool(kernel, stride, padding, ceil_mode)(size)


def same_output_size(size, stride=1):
    return Pool(1, stride)(size)  # windows of one pixel, one per stride, the last one whole


def transposed_conv_output_size(size, kernel, stride=1, padding=0, output_padding=0, dilation=1):
    return TransposedConv(kernel, stride, padding, output_padding, dilation)(size)


def stack_output_sizes(size, layers):
    sizes = []
    for description in layers:
        size = make_layer(description)(size)
        sizes.append(size)
    return tuple(sizes)


def receptive_field(layers):
    def seen(stack):
        if not stack:
            return 1
        first, *rest = stack
        if isinstance(first, TransposedConv):
            raise ValueError("convolutions and pools only")
        return (seen(rest) - 1) * first.step + first.reach

    return seen([make_layer(description) for description in layers])
