#!/bin/sh
# Started by a web server with a FastCGI socket as its standard input.
exec {{command}}
