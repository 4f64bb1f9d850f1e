# mistake: Cross-entropy wants probabilities, so it gets the softmax of the scores.
# caught by: test_learns, accuracy
# hint: scores, not probabilities
import torch
from torch.nn import functional as F


def train(images, labels, *, seed, device, log=None):
    torch.manual_seed(seed)
    x, y = as_inputs(images, device), torch.tensor(labels, device=device)
    model = Network(12).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=0.9, nesterov=True)
    for epoch in range(1, 4):
        for chosen in torch.randperm(len(x), device=device).split(64):
            loss = F.cross_entropy(model(x[chosen]).softmax(1), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if log is not None:
            log(epoch=epoch, loss=loss.item())
    return model
