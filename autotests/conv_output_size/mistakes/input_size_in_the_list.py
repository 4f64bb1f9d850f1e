# mistake: The list of sizes begins with the input.
# caught by: test_worked_example, test_stack_sizes
# hint: Return one size per layer

_sizes_of_layers = stack_output_sizes


def stack_output_sizes(size, layers):
    return [size, *_sizes_of_layers(size, layers)]
