"""The example course and what is generated from it are data; pytest must not collect the suites in them."""

collect_ignore_glob = ["*"]
