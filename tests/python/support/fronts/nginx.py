"""nginx: FastCGI, SCGI and the uwsgi protocol, or any `server` block."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from support.fronts.program import Port, Program, find_program

if TYPE_CHECKING:
    from pathlib import Path

    from support.log import Log

_CONFIGURATION = """\
daemon off;
worker_processes 1;
{user}
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/client_body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
}}
"""

_SERVER = """\
server {{
    listen 127.0.0.1:{port};
    {server}
}}
"""

# A body of any size, passed on as it comes, in both directions.
_STREAMING = """\
    client_max_body_size 0;
    client_body_timeout 30s;
    keepalive_requests 100000;
    merge_slashes off;
    underscores_in_headers off;
    large_client_header_buffers 4 32k;
"""

# What nginx ships as `fastcgi_params`; the host's name is left to the client's field.
_FASTCGI = """\
        fastcgi_param QUERY_STRING $query_string;
        fastcgi_param REQUEST_METHOD $request_method;
        fastcgi_param CONTENT_TYPE $content_type;
        fastcgi_param CONTENT_LENGTH $content_length;
        fastcgi_param SCRIPT_NAME $fastcgi_script_name;
        fastcgi_param REQUEST_URI $request_uri;
        fastcgi_param DOCUMENT_URI $document_uri;
        fastcgi_param DOCUMENT_ROOT $document_root;
        fastcgi_param SERVER_PROTOCOL $server_protocol;
        fastcgi_param REQUEST_SCHEME $scheme;
        fastcgi_param HTTPS $https if_not_empty;
        fastcgi_param GATEWAY_INTERFACE CGI/1.1;
        fastcgi_param SERVER_SOFTWARE nginx/$nginx_version;
        fastcgi_param REMOTE_ADDR $remote_addr;
        fastcgi_param REMOTE_PORT $remote_port;
        fastcgi_param SERVER_ADDR $server_addr;
        fastcgi_param SERVER_PORT $server_port;
        fastcgi_param SERVER_NAME $server_name;
        fastcgi_param REDIRECT_STATUS 200;
"""

_SCGI = """\
        scgi_param REQUEST_METHOD $request_method;
        scgi_param REQUEST_URI $request_uri;
        scgi_param QUERY_STRING $query_string;
        scgi_param CONTENT_TYPE $content_type;
        scgi_param DOCUMENT_URI $document_uri;
        scgi_param DOCUMENT_ROOT $document_root;
        scgi_param SCGI 1;
        scgi_param SERVER_PROTOCOL $server_protocol;
        scgi_param REQUEST_SCHEME $scheme;
        scgi_param HTTPS $https if_not_empty;
        scgi_param REMOTE_ADDR $remote_addr;
        scgi_param REMOTE_PORT $remote_port;
        scgi_param SERVER_PORT $server_port;
        scgi_param SERVER_NAME $server_name;
"""

_UWSGI = """\
        uwsgi_param QUERY_STRING $query_string;
        uwsgi_param REQUEST_METHOD $request_method;
        uwsgi_param CONTENT_TYPE $content_type;
        uwsgi_param CONTENT_LENGTH $content_length;
        uwsgi_param REQUEST_URI $request_uri;
        uwsgi_param PATH_INFO $document_uri;
        uwsgi_param DOCUMENT_ROOT $document_root;
        uwsgi_param SERVER_PROTOCOL $server_protocol;
        uwsgi_param REQUEST_SCHEME $scheme;
        uwsgi_param HTTPS $https if_not_empty;
        uwsgi_param REMOTE_ADDR $remote_addr;
        uwsgi_param REMOTE_PORT $remote_port;
        uwsgi_param SERVER_PORT $server_port;
        uwsgi_param SERVER_NAME $server_name;
"""

_PARAMETERS = {"fastcgi": _FASTCGI, "scgi": _SCGI, "uwsgi": _UWSGI}

# How an administrator says that the application lies below a path. SCGI and uwsgi have
# no such thing: there the gateway is told.
_MOUNTED = """\
        fastcgi_split_path_info ^({mount})(.*)$;
        fastcgi_param PATH_INFO $fastcgi_path_info;
"""


class Nginx(Program):
    """nginx with one `server` block."""

    def __init__(
        self, folder: Path, server: str, *, before: str = "", log: Log | None = None
    ) -> None:
        """Starts it.

        Args:
            folder: Where its files go.
            server: What the `server` block holds besides `listen`.
            before: What the `http` block holds before it.
            log: Takes what nginx says.
        """
        port = Port()
        http = before + _SERVER.format(port=port.number, server=server)
        super().__init__(command(folder, http), port, folder, log=log)


def command(folder: Path, http: str) -> list[str | Path]:
    """Writes a configuration with this in its `http` block; returns what to run."""
    # Otherwise its worker may not reach sockets that this user has made.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, http=http, user=user))
    program = find_program("nginx")
    return [program, "-p", folder, "-c", configuration, "-e", "stderr"]


def gateway(folder: Path, protocol: str, upstream: str, mount: str, log: Log) -> Nginx:
    """Starts nginx before a gateway that listens on the socket `upstream`."""
    # Under SCGI it says of a body that it does not gather how much is there, no more.
    gathering = "on" if protocol == "scgi" else "off"
    keep = "fastcgi_keep_conn on;" if protocol == "fastcgi" else ""
    split = mount and protocol == "fastcgi"
    mounted = _MOUNTED.format(mount=mount) if split else ""
    server = f"""\
    server_name 127.0.0.1;
{_STREAMING}
    location ^~ {mount or "/"} {{
        {protocol}_pass application;
        {keep}
        {protocol}_buffering off;
        {protocol}_request_buffering {gathering};
        {protocol}_read_timeout 30s;
{_PARAMETERS[protocol]}{mounted}    }}
"""
    before = f"upstream application {{ server unix:{upstream}; keepalive 8; }}\n"
    return Nginx(folder, server, before=before, log=log)
