"""A real nginx in front of a server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin"])

_CONFIGURATION = """\
daemon off;
worker_processes 1;
{user}
pid {directory}/pid;
error_log stderr warn;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {server}
    }}
}}
"""


class Nginx:
    """nginx with one `server` block; a context manager."""

    def __init__(self, directory: Path, server: str) -> None:
        """Starts it on a port that is open already: who connects is served."""
        program = shutil.which("nginx", path=_PATH)
        if program is None:
            pytest.skip("nginx is not installed")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = int(listener.getsockname()[1])
            configuration = directory / "nginx.conf"
            # Otherwise its worker may not reach sockets that this user has made.
            user = "user root;" if os.geteuid() == 0 else ""
            configuration.write_text(
                _CONFIGURATION.format(
                    directory=directory, port=self.port, server=server, user=user
                )
            )
            # As it hands its sockets to its own successor.
            inherited = {"NGINX": f"{listener.fileno()};"}
            self._process = subprocess.Popen(
                [program, "-p", directory, "-c", configuration, "-e", "stderr"],
                env={**os.environ, **inherited},
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def __enter__(self) -> Nginx:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it."""
        self._process.terminate()
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
