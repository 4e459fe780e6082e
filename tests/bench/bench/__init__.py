"""The bench: our server beside its peers, in the same run on the same machine."""
