# mistake: Padding repeats the pixels at the border.
# caught by: test_build_logits
# hint: Padding is zeros

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
            padding = kernel_size // 2
            layers.append(nn.Conv2d(channels, out_channels, kernel_size, padding=padding, padding_mode="replicate"))
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
