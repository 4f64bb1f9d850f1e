# mistake: The shapes of a network do not depend on the batch.
# caught by: test_layer_shapes_all
# hint: batch_size is the first entry
def layer_shapes(batch_size=1):
    shapes = []
    for channels, side in ((6, 28), (16, 10)):
        shapes += [("Conv2d", (1, channels, side, side)), ("Sigmoid", (1, channels, side, side))]
        shapes.append(("AvgPool2d", (1, channels, side // 2, side // 2)))
    shapes.append(("Flatten", (1, 400)))
    for units in (120, 84):
        shapes += [("Linear", (1, units)), ("Sigmoid", (1, units))]
    return [*shapes, ("Linear", (1, 10))]
