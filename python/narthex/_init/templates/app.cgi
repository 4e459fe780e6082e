{{start}}
"""The application as a CGI program.

The first request starts a process that stays and answers the next ones; it ends when
nobody asks, and starts anew when this file changes: touch it after a change of the
application. Where a process must not stay, write --mode=fork (each request has a copy
of one that has imported the application) or --mode=cold (each starts from nothing)
behind narthex-cgi above.
"""

import os

os.chdir({{directory}})
{{application}}
