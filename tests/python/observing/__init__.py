"""What a server writes down: logs and figures."""
