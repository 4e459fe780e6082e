"""A site by Flask: forms, signed sessions, uploads, streams, redirects, errors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from flask import Flask, Response, abort, redirect, request, send_file, session, url_for
from werkzeug.wrappers import Response as Base

application = Flask(__name__)
application.secret_key = "not a secret: for tests"


@application.get("/")
def index() -> str:
    """Greets."""
    return f"Hello, {request.args.get('who', 'world')}!"


@application.route("/form", methods=["GET", "POST"])
def form() -> str | Base:
    """Takes a name, and goes to the page that knows it."""
    if request.method == "POST":
        session["name"] = request.form["name"]
        return redirect(url_for("me"))
    return '<form method="post"><input name="name"></form>'


@application.get("/me")
def me() -> str:
    """Says who is in the session."""
    return f"You are {session.get('name', 'nobody')}."


@application.post("/upload")
def upload() -> dict[str, str | int]:
    """Says what was uploaded."""
    file = request.files["file"]
    data = file.read()
    digest = hashlib.sha256(data).hexdigest()
    return {"name": file.filename or "", "size": len(data), "digest": digest}


@application.get("/stream")
def stream() -> Response:
    """Streams lines."""

    def lines() -> Iterator[str]:
        for number in range(1000):
            yield f"line {number}\n"

    return Response(lines(), mimetype="text/plain")


@application.get("/file")
def file() -> Response:
    """Sends this file."""
    return send_file(__file__, mimetype="text/plain", conditional=True)


@application.get("/paths/<path:rest>")
def paths(rest: str) -> dict[str, str]:
    """Shows what Flask makes of a path."""
    return {"rest": rest, "url": request.url, "root": request.script_root}


@application.get("/forbidden")
def forbidden() -> str:
    """Refuses."""
    abort(403)


@application.get("/fails")
def fails() -> str:
    """Fails."""
    raise RuntimeError("the site failed")


@application.errorhandler(404)
def missing(error: Exception) -> tuple[str, int]:
    """Is the page for what is missing."""
    return "Nothing here.", 404
