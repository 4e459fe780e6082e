"""What is particular to servers behind web servers."""
