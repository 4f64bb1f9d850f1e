# mistake: The labels stay a torch tensor.
# caught by: test_labels, test_learns, test_same_seed, accuracy, time
# hint: NumPy array, not a Tensor
import torch


def predict(model, images):
    model.eval()
    with torch.inference_mode():
        return model(as_inputs(images, next(model.parameters()).device)).argmax(1)
