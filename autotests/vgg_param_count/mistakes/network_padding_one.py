# mistake: Padding 1 keeps the size, whatever the kernel.
# caught by: test_build_output_shape
# hint: needs a padding of (k - 1) / 2

from torch import nn


def build_vgg(config, num_classes=1000):
    channels, size = 3, 224
    layers = []
    for entry in read_config(config):
        if entry == "M":
            size = pooled(size)
            layers.append(nn.MaxPool2d(2, stride=2))
        else:
            out_channels, kernel_size = entry
            layers.append(nn.Conv2d(channels, out_channels, kernel_size, padding=1))
            layers.append(nn.ReLU())
            channels = out_channels
    return nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Linear(channels * size * size, 4096),
        nn.ReLU(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, num_classes),
    )
