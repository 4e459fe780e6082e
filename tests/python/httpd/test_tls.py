"""mod_ssl before an application: what it says of the connection is seen."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from edge.certificates import Authority
from httpd.site import Site
from support.fronts.httpd import quoted
from support.fronts.program import PATIENCE, find_program

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINES = """\
NarthexPython ${PYTHON}
NarthexProcess PROCESS
Protocols h2 http/1.1
SSLEngine On
SSLCertificateFile CERTIFICATE
SSLCertificateKeyFile PRIVATE
SSLOptions +StdEnvVars
NarthexApp ${HERE}/inside.py:app
<Location /native>
    NarthexApp ${HERE}/native.py:app
</Location>
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module", params=["inline", "group:default"])
def site(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Site]:
    pair = authority.issue("localhost")
    lines = _LINES.replace("PROCESS", request.param)
    lines = lines.replace("CERTIFICATE", quoted(pair.chain), 1)
    with Site(
        lines.replace("PRIVATE", quoted(pair.key), 1), modules=["ssl", "http2"]
    ) as it:
        yield it


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_variables_of_tls_are_seen(
    site: Site, authority: Authority, version: str
) -> None:
    variables = json.loads(fetched(site, authority, "/env/a?b", version))
    assert variables["wsgi.url_scheme"] == "https"
    assert variables["HTTPS"] == "on"
    assert variables["SSL_PROTOCOL"] in {"TLSv1.2", "TLSv1.3"}
    assert variables["SSL_SERVER_S_DN_CN"] == "localhost"
    assert variables["SERVER_PROTOCOL"].startswith(f"HTTP/{version}")
    assert variables["SERVER_PORT"] == str(site.httpd.port)


def test_any_variable_of_tls_can_be_asked_for(site: Site, authority: Authority) -> None:
    """Inline by what httpd offers to its modules; in a group by what it was handed."""
    said = fetched(site, authority, "/native/tls/SSL_PROTOCOL", "1.1")
    assert said.startswith(b"TLSv1.")
    nothing = fetched(site, authority, "/native/tls/SSL_CLIENT_S_DN", "1.1")
    assert nothing == b"None"


def fetched(site: Site, authority: Authority, target: str, version: str) -> bytes:
    """The answer to a client that trusts the authority."""
    outcome = subprocess.run(
        [
            *(find_program("curl"), "--silent", "--show-error", f"--http{version}"),
            *("--cacert", authority.certificate),
            f"https://localhost:{site.httpd.port}{target}",
        ],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr.decode()
    return outcome.stdout
