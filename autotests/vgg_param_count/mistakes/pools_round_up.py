# mistake: A pool rounds an odd size up.
# caught by: test_build_small_network, test_count_image_sizes, test_table_shapes, test_build_logits
# hint: halves the size and rounds down

def pooled(size):
    if size < 1:
        raise ValueError("the image is too small for so many pools")
    return (size + 1) // 2
