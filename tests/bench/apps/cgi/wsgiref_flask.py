"""The Flask application of `wsgi` by what Python brings along for CGI."""

from wsgiref.handlers import CGIHandler

from flask_hello import app  # type: ignore[import-not-found]  # copied beside it

CGIHandler().run(app)
