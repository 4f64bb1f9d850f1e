# mistake: A linear layer has one bias per input.
# caught by: test_layer_params_by_hand, test_linear_params
# hint: out_features biases

def linear_params(in_features, out_features, bias=True):
    return in_features * out_features + (in_features if bias else 0)
