"""A Flask application: what runs under any WSGI server runs here."""

from __future__ import annotations

from flask import Flask, request

app = Flask(__name__)


@app.get("/")
def index() -> str:
    """Greets, and says which path the server mounted us at."""
    return f"Hello from Flask at {request.script_root or '/'}\n"


@app.post("/echo")
def echo() -> dict[str, str]:
    """Returns the fields of a form as JSON."""
    return request.form.to_dict()
