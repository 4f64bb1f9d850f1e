# mistake: A learning rate a hundred times too high gets there a hundred times sooner.
# caught by: test_learns, accuracy
# hint: neither huge nor tiny
import torch
from torch.nn import functional as F


def train(images, labels, *, seed, device, log=None):
    torch.manual_seed(seed)
    x, y = as_inputs(images, device), torch.tensor(labels, device=device)
    model = LeNet().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 5.0, momentum=0.9, nesterov=True)
    for epoch in range(1, 4):
        for chosen in torch.randperm(len(x), device=device).split(64):
            loss = F.cross_entropy(model(x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if log is not None:
            log(epoch=epoch, loss=loss.item())
    return model
