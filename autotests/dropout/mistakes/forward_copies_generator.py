# mistake: A function must not change its arguments, so it draws from a copy of the generator.
# caught by: test_forward_stream
# hint: continue its stream
import copy


def dropout_forward(x, p, training, rng):
    if not 0 <= p < 1:
        raise ValueError("p must be at least 0 and below 1")
    if not training:
        return x.copy(), None
    mask = copy.deepcopy(rng).random(x.shape) >= p
    return x * mask / (1 - p), mask
