"""One Python web application, unchanged, under every way of being deployed.

An application takes a transaction and says what the client gets::

    from narthex import Transaction

    def app(t: Transaction) -> str:
        return f"Hello, {t.query.get('who', 'world')}!"

It is a callable, or an object with a method ``respond(t)``. The transaction is one
object with two views: the request is read from it, and the response is made by it.
``t.response`` holds all of the response; its attributes and methods are on ``t`` as
well, save one: ``t.headers`` are the fields of the request, ``t.response.headers``
those of the response.

What a handler returns is the body, after what it has written:

- ``None``: nothing more.
- ``str``: text, sent as UTF-8; ``text/plain`` unless the content type was set, so
  that a client's words never turn into markup unasked.
- ``bytes``: ``application/octet-stream`` unless the content type was set.
- ``dict`` or ``list``: JSON.
- an iterator of ``str`` or ``bytes``, such as a generator: made while it is sent, as
  fast as the client takes it, and closed once whatever happens. Up to its first piece
  it may still change the head.

Output is buffered until ``start()``, ``flush()``, 64 KiB or the end of the handler.
Until then the head can be changed, and an exception becomes an error page; after it,
the response is cut, so that the client cannot take it for whole.
"""

from __future__ import annotations

from narthex._narthex import (
    Abort,
    BadRequest,
    Disconnected,
    ProtocolError,
    Transaction,
    __version__,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from narthex._host import Lookup, Native, NotAvailable, native

__all__ = [
    "Abort",
    "BadRequest",
    "Disconnected",
    "Lookup",
    "Native",
    "NotAvailable",
    "ProtocolError",
    "Transaction",
    "__version__",
    "native",
]


def __getattr__(name: str) -> object:
    """What is imported when it is asked for: most requests have no use for it."""
    if name in ("Lookup", "Native", "NotAvailable", "native"):
        from narthex import _host

        return getattr(_host, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
