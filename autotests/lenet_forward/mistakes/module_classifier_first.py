# mistake: The order in which layers are made does not matter, only the order in which forward uses them.
# caught by: test_lenet_parameters, test_layer_shapes_ends
# hint: in the order conv1, conv2, fc1, fc2, fc3
from torch import nn


class LeNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.fc3 = nn.Linear(84, num_classes)
        self.fc2 = nn.Linear(120, 84)
        self.fc1 = nn.Linear(400, 120)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.pool = nn.AvgPool2d(2)

    def forward(self, x):
        x = self.pool(self.conv1(x).sigmoid())
        x = self.pool(self.conv2(x).sigmoid())
        x = self.fc1(x.flatten(1)).sigmoid()
        return self.fc3(self.fc2(x).sigmoid())
