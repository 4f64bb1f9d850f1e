# mistake: Training turns the images into white digits on black paper, predict leaves them as they are.
# caught by: test_learns, accuracy
# hint: Does predict prepare images as train does
import torch


def as_inputs(images, device):
    return 1 - torch.tensor(images, dtype=torch.float32, device=device).flatten(1) / 16


def predict(model, images):
    inputs = torch.tensor(images, dtype=torch.float32, device=next(model.parameters()).device).flatten(1) / 16
    with torch.inference_mode():
        return model(inputs).argmax(1).cpu().numpy()
