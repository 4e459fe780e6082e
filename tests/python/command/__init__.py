"""What a person sees of the command."""
