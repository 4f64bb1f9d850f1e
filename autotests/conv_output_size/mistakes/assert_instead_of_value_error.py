# mistake: Arguments are checked with assert, which raises AssertionError (and nothing at all under python -O).
# caught by: test_conv_errors, test_pool_errors, test_same_errors, test_transposed_errors, test_receptive_field_errors
# hint: otherwise raise ValueError

def require_at_least(minimum, **values):
    for name, value in values.items():
        assert value >= minimum, f"{name} should be at least {minimum}"
