# mistake: A 5×5 convolution always takes 4 off the side.
# caught by: test_layer_shapes_ends, test_layer_shapes_all
# hint: conv1 keeps the side of 28
def layer_shapes(batch_size=1):
    n, shapes, side = batch_size, [], 28
    for channels in (6, 16):
        side -= 4
        shapes += [("Conv2d", (n, channels, side, side)), ("Sigmoid", (n, channels, side, side))]
        side //= 2
        shapes.append(("AvgPool2d", (n, channels, side, side)))
    shapes.append(("Flatten", (n, 16 * side * side)))
    for units in (120, 84):
        shapes += [("Linear", (n, units)), ("Sigmoid", (n, units))]
    return [*shapes, ("Linear", (n, 10))]
