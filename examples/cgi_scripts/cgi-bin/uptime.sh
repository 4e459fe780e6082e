#!/bin/sh
# Each line reaches the client as soon as it is written.
echo "Content-Type: text/plain"
echo
echo "Seconds since the start of this machine:"
cut -d ' ' -f 1 /proc/uptime
