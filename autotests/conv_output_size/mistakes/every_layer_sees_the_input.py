# mistake: Every layer of a stack is given the size of the image, not the size that the layer before it left.
# caught by: test_worked_example, test_stack_sizes
# hint: each computed from the size before it

_sizes_in_order = stack_output_sizes


def stack_output_sizes(size, layers):
    _sizes_in_order(size, layers)
    return [_sizes_in_order(size, [layer])[0] for layer in layers]
