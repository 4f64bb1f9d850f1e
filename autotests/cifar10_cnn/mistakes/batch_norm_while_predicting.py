# mistake: Images are predicted one by one in training mode: each is normalised by its own mean and variance.
# caught by: test_learns, accuracy
# hint: with the model in evaluation mode
import torch


def predict(model, images):
    x = as_inputs(images, next(model.parameters()).device)
    with torch.inference_mode():
        return torch.cat([model(image[None]).argmax(1) for image in x]).cpu().numpy()
