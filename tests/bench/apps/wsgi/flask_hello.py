"""The smallest Flask application, with the answer of `hello`."""

from __future__ import annotations

from flask import Flask, Response

app = Flask(__name__)


@app.get("/")
def hello() -> Response:
    """Answers 13 bytes."""
    return Response(b"Hello, world!", mimetype="text/plain")
