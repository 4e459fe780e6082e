"""A client that keeps cookies and fills in forms, below a mount point."""

from __future__ import annotations

from http.cookies import SimpleCookie
from urllib.parse import urlencode

from support.messages import Request, Response
from support.server import Server

URLENCODED = ("Content-Type", "application/x-www-form-urlencoded")
MULTIPART = ("Content-Type", "multipart/form-data; boundary=part")


class Browser:
    """What one visitor of a site sees."""

    def __init__(self, server: Server, mount: str = "") -> None:
        """Visits what `server` has below `mount`, with no cookie yet."""
        self.server = server
        self.mount = mount
        self.cookies: dict[str, str] = {}

    def ask(
        self,
        target: str,
        method: str = "GET",
        body: bytes = b"",
        *fields: tuple[str, str],
    ) -> Response:
        """Sends one request with the cookies, and keeps those that come back."""
        response = self.server.request(self.prepare(target, method, body, *fields))
        for value in response.all("set-cookie"):
            for name, morsel in SimpleCookie(value).items():
                self.cookies[name] = morsel.value
        return response

    def prepare(
        self,
        target: str,
        method: str = "GET",
        body: bytes = b"",
        *fields: tuple[str, str],
    ) -> Request:
        """Builds one request with the cookies."""
        pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        cookie = (("Cookie", pairs),) if pairs else ()
        return Request(method, self.mount + target, (*cookie, *fields), body)

    def post(self, target: str, **form: str) -> Response:
        """Submits a form."""
        return self.ask(target, "POST", urlencode(form).encode(), URLENCODED)

    def upload(
        self, target: str, field: str, name: str, data: bytes, **form: str
    ) -> Response:
        """Submits a form with a file."""
        parts = [(f'name="{key}"', value.encode()) for key, value in form.items()]
        parts.append((f'name="{field}"; filename="{name}"', data))
        body = b"".join(
            b"--part\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n"
            % (about.encode(), content)
            for about, content in parts
        )
        return self.ask(target, "POST", body + b"--part--\r\n", MULTIPART)
