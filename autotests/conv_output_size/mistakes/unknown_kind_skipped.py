# mistake: A layer of an unknown kind leaves the size as it is.
# caught by: test_stack_errors
# hint: An unknown kind is a ValueError

_sizes_of_known = stack_output_sizes


def stack_output_sizes(size, layers):
    return _sizes_of_known(size, [layer for layer in layers if layer["kind"] in ("conv", "pool", "transposed_conv")])
