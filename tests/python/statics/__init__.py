"""Files that the server serves without the application."""
