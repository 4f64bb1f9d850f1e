# mistake: The five hundred images that were meant for trying things out are all that it ever learns from.
# caught by: accuracy
# hint: by heart
import torch
from torch.nn import functional as F


def train(images, labels, *, seed, device, log=None):
    torch.manual_seed(seed)
    x, y = as_inputs(images[:500], device), torch.tensor(labels[:500], device=device)
    model = Network(12).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=0.9, nesterov=True)
    for epoch in range(1, 21):
        for chosen in torch.randperm(len(x), device=device).split(25):
            loss = F.cross_entropy(model(x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if log is not None:
            model.eval()
            with torch.inference_mode():
                log(epoch=epoch, accuracy=(model(x).argmax(1) == y).float().mean().item())
            model.train()
    return model
