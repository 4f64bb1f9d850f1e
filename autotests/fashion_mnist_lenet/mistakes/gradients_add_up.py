# mistake: backward() computes the gradients afresh, so there is nothing to set to zero.
# caught by: test_learns, accuracy
# hint: gradients set to zero
import torch
from torch.nn import functional as F


def train(images, labels, *, seed, device, log=None):
    torch.manual_seed(seed)
    x, y = as_inputs(images, device), torch.tensor(labels, device=device)
    model = LeNet().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, nesterov=True)
    for epoch in range(1, 4):
        for chosen in torch.randperm(len(x), device=device).split(64):
            loss = F.cross_entropy(model(x[chosen]), y[chosen])
            loss.backward()
            optimizer.step()
        if log is not None:
            log(epoch=epoch, loss=loss.item())
    return model
