# mistake: A list of labels is as good as an array.
# caught by: test_labels, test_learns, test_same_seed, accuracy, time
# hint: int64 NumPy array of shape
import torch


def predict(model, images):
    model.eval()
    with torch.inference_mode():
        return model(as_inputs(images, next(model.parameters()).device)).argmax(1).tolist()
