"""Worker processes under a parent."""
