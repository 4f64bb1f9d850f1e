# mistake: The first class is number 1.
# caught by: test_labels, test_learns, accuracy
# hint: numbers from 0 to 9
import torch


def predict(model, images):
    model.eval()
    with torch.inference_mode():
        return model(as_inputs(images, next(model.parameters()).device)).argmax(1).cpu().numpy() + 1
