# mistake: The original reads the same 28×28 pictures, without padding.
# caught by: test_connections_of_c1, test_connection_counts
# hint: original 32×32 picture
def connection_counts():
    c1 = 28 - 4
    s4 = (c1 // 2 - 4) // 2
    return {"C1": 6 * c1 * c1 * 26, "C5": 120 * (16 * s4 * s4 + 1), "F6": 84 * 121}
