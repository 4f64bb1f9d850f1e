# mistake: predict returns the probability of each class and leaves the choice to the caller.
# caught by: test_labels, test_learns, test_same_seed, accuracy, time
# hint: argmax
import torch


def predict(model, images):
    model.eval()
    with torch.inference_mode():
        return model(as_inputs(images, next(model.parameters()).device)).softmax(1).cpu().numpy()
