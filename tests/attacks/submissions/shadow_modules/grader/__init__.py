print("HIJACKED")
