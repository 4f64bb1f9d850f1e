# mistake: Seven by seven pixels enter the classifier; adaptive pooling takes care of that.
# caught by: test_build_parameter_count
# hint: Only convolutions and linear layers have parameters

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
            layers.append(nn.Conv2d(channels, out_channels, kernel_size, padding=kernel_size // 2))
            layers.append(nn.ReLU())
            channels = out_channels
    return nn.Sequential(
        *layers,
        nn.AdaptiveAvgPool2d(7),
        nn.Flatten(),
        nn.Linear(channels * 7 * 7, 4096),
        nn.ReLU(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, num_classes),
    )
