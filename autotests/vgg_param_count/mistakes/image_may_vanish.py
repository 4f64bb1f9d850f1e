# mistake: An image that the pools shrink to nothing just leaves no features.
# caught by: test_image_too_small
# hint: When a pool leaves no pixel, raise ValueError

def pooled(size):
    return size // 2
