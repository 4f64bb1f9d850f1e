# mistake: A bias is no connection.
# caught by: test_connections_of_c1, test_connection_counts
# hint: one more connection, its bias
def connection_counts():
    return {"C1": 6 * 28 * 28 * 5 * 5, "C5": 120 * 16 * 5 * 5, "F6": 84 * 120}
