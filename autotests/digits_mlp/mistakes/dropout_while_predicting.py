# mistake: The model predicts in training mode, so dropout goes on drawing.
# caught by: accuracy
# hint: is the model in evaluation mode
import torch
from torch import nn
from torch.nn import functional as F


def train(images, labels, *, seed, device, log=None):
    torch.manual_seed(seed)
    x, y = as_inputs(images, device), torch.tensor(labels, device=device)
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10))
    model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    for epoch in range(1, 21):
        for chosen in torch.randperm(len(x), device=device).split(64):
            loss = F.cross_entropy(model(x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if log is not None:
            model.eval()
            log(epoch=epoch, accuracy=(model(x).argmax(1) == y).float().mean().item())
            model.train()
    return model


def predict(model, images):
    with torch.inference_mode():
        return model(as_inputs(images, "cpu")).argmax(1).numpy()
