#!/bin/sh
# Leaves the answer to another path of this server: the browser does not see that.
echo "Location: /cgi-bin/uptime.sh"
echo
