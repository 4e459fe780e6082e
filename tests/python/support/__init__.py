"""The harness of the Python suite: backends, a strict client, and the matrix."""
