# mistake: The model predicts in training mode, so dropout goes on drawing.
# caught by: test_learns, accuracy
# hint: with the model in evaluation mode
import torch
from torch import nn
from torch.nn import functional as F


def _with_dropout():
    convolutions = [nn.Conv2d(1, 16, 5, padding=2), nn.MaxPool2d(2), nn.ReLU(), nn.Dropout(0.5)]
    convolutions += [nn.Conv2d(16, 32, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(
        *convolutions, nn.Flatten(), nn.Linear(800, 128), nn.ReLU(), nn.Dropout(0.7), nn.Linear(128, 10)
    )


def train(images, labels, *, seed, device, log=None):
    torch.manual_seed(seed)
    x, y = as_inputs(images, device), torch.tensor(labels, device=device)
    model = _with_dropout().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=0.9, nesterov=True)
    for epoch in range(1, 5):
        for chosen in torch.randperm(len(x), device=device).split(64):
            loss = F.cross_entropy(model(x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if log is not None:
            model.eval()
            with torch.inference_mode():
                log(epoch=epoch, accuracy=(model(x[:2000]).argmax(1) == y[:2000]).float().mean().item())
            model.train()
    return model


def predict(model, images):
    with torch.inference_mode():
        return model(as_inputs(images, next(model.parameters()).device)).argmax(1).cpu().numpy()
