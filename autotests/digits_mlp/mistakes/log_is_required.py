# mistake: The grader passes log, so nobody else will call train without it.
# caught by: test_labels, test_learns, test_same_seed
# hint: 'log'
import torch
from torch import nn
from torch.nn import functional as F


def train(images, labels, *, seed, device, log):
    torch.manual_seed(seed)
    x, y = as_inputs(images, device), torch.tensor(labels, device=device)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10)).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.005)
    for epoch in range(1, 41):
        for chosen in torch.randperm(len(x), device=device).split(64):
            loss = F.cross_entropy(model(x[chosen] + 0.2 * torch.randn(len(chosen), 64, device=device)), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        log(epoch=epoch, loss=loss.item())
    return model
