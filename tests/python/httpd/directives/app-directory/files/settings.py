SECRET = "not to be seen"
