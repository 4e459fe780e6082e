"""Real web servers in front of applications."""
