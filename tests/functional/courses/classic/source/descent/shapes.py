"""A helper module beside the notebook."""


def check_shapes(weights, inputs, targets):
    """Raise ValueError where the shapes do not fit together."""
    if inputs.shape != (len(targets), len(weights)):
        raise ValueError("the shapes do not fit together")
