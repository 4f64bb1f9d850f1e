# mistake: SAME padding divides the size by the stride and drops the remainder.
# caught by: test_same_and_transposed_by_hand, test_same_output_size
# hint: size / stride, rounded up

def same_output_size(size, stride=1):
    require_at_least(1, size=size, stride=stride)
    return max(1, size // stride)
