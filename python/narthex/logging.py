"""The request in Python's log records.

Each request has a name, which its lines in the server's logs carry as well. To have
it in the records of `logging`, put the filter on a handler::

    LOGGING = {
        "version": 1,
        "filters": {"request": {"()": "narthex.logging.RequestIdFilter"}},
        "formatters": {"line": {"format": "[%(request_id)s] %(message)s"}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "filters": ["request"],
                "formatter": "line",
            }
        },
        "root": {"handlers": ["stderr"]},
    }

The server does not do so by itself: a factory of records that sets `request_id` would
break applications that give it as `extra`, since `logging` refuses to overwrite it.
"""

from __future__ import annotations

import logging

from narthex._narthex import request_id

__all__ = ["RequestIdFilter", "request_id"]


class RequestIdFilter(logging.Filter):
    """Gives records the attribute `request_id`: `-` outside of a request.

    A record that has one already keeps it. The name is that of the request which the
    logging thread works on; a thread that the application has started works on none.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Sets the attribute; lets every record pass."""
        if not hasattr(record, "request_id"):
            record.request_id = request_id() or "-"
        return True
