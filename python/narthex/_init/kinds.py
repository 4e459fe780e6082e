"""The files of each kind, and what to do with them."""

from __future__ import annotations

import os
import pwd
import re

from narthex._init import quoting, scripts
from narthex._init.files import File, Plan, filled
from narthex._init.problems import fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from narthex._init.site import Site

# Where units under `ProtectHome=yes` see nothing.
_HOMES = ("/home", "/root", "/run/user")


def nginx(site: Site) -> Plan:
    """A site for `conf.d`, and a whole configuration to try it."""
    file = f"{site.name}.nginx.conf"
    mount = re.escape(site.mount)
    whole = rf"^{mount}(?<narthex_path>/(?s:.*))?\z"
    values = _common(site) | {
        "socket": quoting.nginx(f"unix:{site.socket}"),
        "listen": site.options.listen,
        "server_name": " ".join(site.options.server_names) or "_",
        # Without a name there is but what the client calls the server.
        "called": "$server_name" if site.options.server_names else "$host",
        "location": f"~ {quoting.nginx_pattern(whole)}" if mount else "/",
        "path_info": "$narthex_path" if mount else "$uri",
        "statics": "\n\n".join(
            f"location ^~ {path} {{\n    alias {quoting.nginx(directory + '/')};\n}}"
            for path, directory in site.statics
        ),
        "file": file,
        "user": "user root root;" if os.geteuid() == 0 else "",
        "types": "include /etc/nginx/mime.types;"
        if os.path.exists("/etc/nginx/mime.types")
        else "",
    }
    alone = f"{site.name}.nginx-alone.conf"
    path = os.path.join(site.output, alone)
    prefix = f"/tmp/{site.name}.nginx"
    try_it = ["nginx", "-p", prefix, "-c", path, "-e", "stderr"]
    return Plan(
        [
            File(file, filled("nginx.conf", values)),
            File(alone, filled("nginx-alone.conf", values)),
        ],
        [
            f"cp {_shown(site, file)} /etc/nginx/conf.d/",
            "nginx -t && nginx -s reload",
            *_served(site),
            "or, to try it here without touching the system's nginx:",
            f"mkdir -p {prefix} && {quoting.shell(try_it)}",
        ],
    )


def lighttpd(site: Site) -> Plan:
    """A site by a socket, and one that lighttpd starts."""
    file, spawn = f"{site.name}.lighttpd.conf", f"{site.name}.lighttpd-spawn.conf"
    script = scripts.fastcgi(site)
    program = os.path.join(site.output, script.name)
    # Perl's expressions: a path that is neither `/staticx` nor `/static/…`.
    spared = "".join(f"(?!{re.escape(path)})" for path, _ in site.statics)
    names = "|".join(map(_host_pattern, site.options.server_names))
    values = _common(site) | {
        "modules": '"mod_alias", "mod_fastcgi"' if site.statics else '"mod_fastcgi"',
        "prefix": quoting.lighttpd(site.mount or "/"),
        "socket": quoting.lighttpd(site.socket),
        "spawned": quoting.lighttpd(f"{site.socket}.lighttpd"),
        "program": quoting.lighttpd(program),
        "workers": str(site.options.workers or 1),
        "url": f'"^{spared}{re.escape(site.mount)}(/|$)"',
        "host": f'$HTTP["host"] =~ "^({names})(:[0-9]+)?$" {{' if names else "",
        "end": "}" if names else "",
        "statics": "\n".join(
            f'alias.url += ( "{path}" => {quoting.lighttpd(directory + "/")} )'
            for path, directory in site.statics
        ),
    }
    plan = Plan(
        [File(file, filled("lighttpd.conf", values))],
        [
            f"cp {_shown(site, file)} /etc/lighttpd/conf-enabled/",
            "lighttpd -tt -f /etc/lighttpd/lighttpd.conf && systemctl reload lighttpd",
            *_served(site),
        ],
        [],
    )
    if " " in program:
        plan.warnings.append(_left_out(spawn, "lighttpd"))
        return plan
    plan.files.append(File(spawn, filled("lighttpd-spawn.conf", values)))
    plan.files.append(script)
    plan.steps.extend(
        [
            "or, to have lighttpd start the application itself:",
            f"cp {_shown(site, spawn)} /etc/lighttpd/conf-enabled/",
            f"and leave {script.name} where it is",
        ]
    )
    return plan


def apache(site: Site) -> Plan:
    """A virtual host by mod_proxy_fcgi, and one by mod_fcgid."""
    for mark in "|?#":
        if mark in site.socket:
            fail(
                "N304",
                f"Apache cannot be told of {site.socket}",
                (f"It ends the path of a socket at `{mark}`.",),
                ("name another one with --socket PATH",),
            )
    file, fcgid = f"{site.name}.apache.conf", f"{site.name}.apache-fcgid.conf"
    script = scripts.fastcgi(site)
    program = os.path.join(site.output, script.name)
    address, _, port = site.options.listen.rpartition(":")
    names = site.options.server_names
    backend = f"fcgi://{site.name}" + ("" if site.mount else "/")
    values = _common(site) | {
        "listen": f"{address or '*'}:{port}",
        "names": "\n".join(
            [f"ServerName {names[0]}", *(f"ServerAlias {name}" for name in names[1:])]
            if names
            else []
        ),
        "mount": quoting.apache(site.mount or "/"),
        "worker": quoting.apache(f"unix:{site.socket}|{backend}"),
        # A prefix that ends in a slash wants a file that ends in one.
        "program": quoting.apache(program + ("" if site.mount else "/")),
        "workers": str(site.options.workers or 8),
        "static_modules": " alias" if site.statics else "",
        "statics": "\n".join(
            f"Alias {path} {quoting.apache(directory + '/')}\n"
            f"<Location {path}>\n    Require all granted\n</Location>"
            for path, directory in site.statics
        ),
        # They are below the application's path, whose handler is for programs.
        "static_handlers": "\n".join(
            f"<Location {path}>\n    SetHandler None\n</Location>"
            for path, _ in site.statics
        ),
        "not_proxied": "\n".join(f'ProxyPass {path} "!"' for path, _ in site.statics),
    }
    available = f"/etc/apache2/sites-available/{site.name}.conf"
    plan = Plan(
        [File(file, filled("apache.conf", values))],
        [
            f"cp {_shown(site, file)} {available}",
            f"a2enmod proxy_fcgi && a2ensite {site.name}",
            "apachectl configtest && systemctl reload apache2",
            *_served(site),
        ],
        [],
    )
    if " " in program:
        plan.warnings.append(_left_out(fcgid, "mod_fcgid"))
        return plan
    plan.files.extend([File(fcgid, filled("apache-fcgid.conf", values)), script])
    plan.steps.extend(
        [
            "or, to have Apache start the application itself, by mod_fcgid:",
            f"cp {_shown(site, fcgid)} {available}",
            f"a2enmod fcgid, and leave {script.name} where it is",
        ]
    )
    return plan


def systemd(site: Site) -> Plan:
    """A socket, and a service that serves FastCGI on it."""
    hidden = any(_is_below(path, home) for path in site.paths for home in _HOMES)
    user = site.options.user
    if user is None and hidden:
        user = pwd.getpwuid(os.stat(site.directory).st_uid).pw_name
    parent = [] if site.options.workers else ["--supervise"]
    start = site.command("--name", site.name, *parent)
    values = _common(site) | {
        "name": site.name,
        "title": site.name,
        "socket": quoting.systemd_path(site.socket),
        "web_server": site.web_server,
        "directory": quoting.systemd_path(site.directory),
        "start": " ".join(map(quoting.systemd_word, start)),
        "reload": " ".join(
            map(quoting.systemd_word, [*site.narthex, "reload", site.name])
        ),
        "user": f"User={user}" if user else "DynamicUser=yes",
        "homes": "read-only" if hidden else "yes",
        "state": quoting.systemd_path(f"/var/lib/{site.name}"),
    }
    socket, service = f"{site.name}.socket", f"{site.name}.service"
    return Plan(
        [
            File(socket, filled("socket", values)),
            File(service, filled("service", values)),
        ],
        [
            f"cp {_shown(site, socket, service)} /etc/systemd/system/",
            "systemctl daemon-reload",
            f"systemctl enable --now {socket} {service}",
            "then, for the web server in front: narthex init nginx, lighttpd or "
            f"apache-fcgi, with --socket {quoting.shell([site.socket])}",
        ],
        ["it runs as root: name another user with --user NAME"]
        if user == "root"
        else [],
    )


def shared(site: Site) -> Plan:
    """A program for CGI, one for FastCGI, and a `.htaccess` that chooses."""
    for path, directory in site.statics:
        route = path[len(site.mount) :]
        here = os.path.join(site.output, route.strip("/"))
        if os.path.realpath(here) != os.path.realpath(directory):
            fail(
                "N308",
                f"--static {route[:-1]}={directory} is not below {site.output}",
                ("On a shared host a path is a directory below that of the site.",),
                (f"ln -s {quoting.shell([directory, here])}",),
            )
    script = scripts.fastcgi(site, "app.fcgi")
    handlers, warnings = filled("handlers", {}), []
    if " " in site.output:
        warnings.append(_left_out(script.name, "mod_fcgid"))
        handlers = filled("handlers-cgi", {})
    values = _common(site) | {
        "base": quoting.apache(f"{site.mount}/"),
        "handlers": handlers,
        "statics": "\n".join(
            f"RewriteRule ^{re.escape(path[len(site.mount) + 1 :])} - [END]"
            for path, _ in site.statics
        ),
    }
    if any(_is_below(path, site.output) for path in site.paths[:-2]):
        warnings.append(
            "the application lies in the directory that is open to the web; what "
            "ends like a web page's file there can be downloaded: move it out"
        )
    return Plan(
        [
            scripts.cgi(site),
            *([] if " " in site.output else [script]),
            File(".htaccess", filled("htaccess", values)),
        ],
        [
            f"these files belong together, in the directory of {site.mount or '/'}",
            "the host must have `AllowOverride All`, as most do",
            "after a change of the application: touch app.cgi; for mod_fcgid, which",
            "looks whether it is another file: cp app.fcgi new && mv new app.fcgi",
        ],
        warnings,
    )


KINDS: dict[str, Callable[[Site], Plan]] = {
    "nginx": nginx,
    "lighttpd": lighttpd,
    "apache-fcgi": apache,
    "systemd": systemd,
    "shared": shared,
}


def _common(site: Site) -> dict[str, str]:
    serve = site.command("--bind", f"unix:{site.socket}")
    return {
        "name": site.name,
        "by": f"Written by `narthex init {site.options.kind}`.",
        "serve": quoting.shell(serve),
        "mount": site.mount,
    }


def _served(site: Site) -> list[str]:
    """How the application comes to run behind a socket."""
    return [
        "the application: `narthex init systemd` writes units for it; by hand:",
        quoting.shell(site.command("--bind", f"unix:{site.socket}")),
    ]


def _left_out(file: str, server: str) -> str:
    return (
        f"{file}, with which {server} starts the application, is left out: it takes "
        "no program whose path has a space; name another directory with --output"
    )


def _shown(site: Site, *files: str) -> str:
    return quoting.shell([os.path.join(site.output, file) for file in files])


def _host_pattern(name: str) -> str:
    return re.escape(name).replace(r"\*", "[^/]*")


def _is_below(path: str, directory: str) -> bool:
    real, above = os.path.realpath(path), os.path.realpath(directory)
    return real == above or real.startswith(above.rstrip(os.sep) + os.sep)
