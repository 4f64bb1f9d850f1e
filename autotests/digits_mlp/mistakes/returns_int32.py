# mistake: Ten classes need no 64 bits.
# caught by: test_labels, test_learns, test_same_seed, accuracy, time
# hint: astype(np.int64)
import torch


def predict(model, images):
    model.eval()
    with torch.inference_mode():
        return model(as_inputs(images, next(model.parameters()).device)).argmax(1).int().cpu().numpy()
