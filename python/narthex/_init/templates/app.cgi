{{start}}
"""The application as a CGI program.

The first request starts a process that stays and answers the next ones as fast as a
server; it ends when nobody asks, and starts anew when this file changes. For another
way set NARTHEX_CGI_MODE in .htaccess.
"""

import os

os.chdir({{directory}})
{{application}}
