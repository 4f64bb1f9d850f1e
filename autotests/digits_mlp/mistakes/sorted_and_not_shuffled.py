# mistake: The images are sorted by class, for the sake of order, and each batch holds one class alone.
# caught by: test_learns, accuracy
# hint: are the images shuffled
import torch
from torch import nn
from torch.nn import functional as F


def train(images, labels, *, seed, device):
    torch.manual_seed(seed)
    order = labels.argsort(kind="stable")
    x, y = as_inputs(images[order], device), torch.tensor(labels[order], device=device)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10)).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(10):
        for inputs, classes in zip(x.split(16), y.split(16), strict=True):
            loss = F.cross_entropy(model(inputs), classes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model
