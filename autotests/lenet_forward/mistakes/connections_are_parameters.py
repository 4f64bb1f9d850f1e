# mistake: The number of connections is the number of parameters.
# caught by: test_connections_of_c1, test_connection_counts
# hint: C1 has 122304 connections
def connection_counts():
    return {"C1": 6 * (5 * 5 + 1), "C5": 120 * (16 * 5 * 5 + 1), "F6": 84 * (120 + 1)}
