"""What the options of `narthex run` are under httpd."""

from __future__ import annotations

from typing import Any

from narthex._apache import Place, Private

# Settings of a group, by the options that they are elsewhere.
_SETTINGS = {
    "chdir": "chdir",
    "graceful-timeout": "graceful",
    "max-requests": "max-requests",
    "max-rss": "max-rss",
    "start-timeout": "start-timeout",
    "threads": "threads",
    "timeout": "timeout",
    "workers": "processes",
}
_PLACE = {"api": "api", "app-dir": "app_dir", "mount": "mount"}
# What has been done with them already.
_DONE = ("backend", "config", "explain")


def understood(app: str, given: list[tuple[str, list[str]]]) -> tuple[Place, Private]:
    """An application and an httpd for it; what is for neither, httpd explains."""
    # As `run` has it: failures are shown, unless somebody says otherwise.
    place: dict[str, Any] = {"app": app, "debug": True, "settings": [], "options": []}
    private: dict[str, Any] = {}
    for name, values in given:
        value = values[-1] if values else ""
        if name == "bind":
            private["bind"] = [part for text in values for part in text.split(",")]
        elif name == "access-log":
            private["access_log"] = value
        elif name in _PLACE:
            place[_PLACE[name]] = value.rstrip("/") if name == "mount" else value
        elif name in _SETTINGS:
            place["settings"].append((_SETTINGS[name], value))
        elif name == "reload":
            place["settings"].append(("reload", "on"))
        elif name in ("debug", "no-debug"):
            place["debug"] = name == "debug" and value.lower() in _TRUE
        elif name not in _DONE:
            place["options"] += [(name, value) for value in values or [""]]
    return Place(**place), Private(**private)


# As the command line reads them.
_TRUE = ("true", "y", "yes", "t", "on", "1")
