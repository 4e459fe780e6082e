"""`t.native` in a real httpd: what is asked is answered, what is told it knows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from httpd.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINES = """\
NarthexProcess inline
DocumentRoot ${HERE}
ServerAdmin somebody@example.com
AddType text/plain .txt
SetEnv FROM_HTTPD "a word"
LogFormat "note=%{suite}n variable=%{suite}e user=%u status=%>s" suite
CustomLog /dev/stderr suite
Alias /files ${HERE}
<Directory ${HERE}>
    Require all granted
</Directory>
<Location /app>
    NarthexApp ${HERE}/native.py:app
</Location>
"""


@pytest.fixture(scope="module", params=["event", "prefork"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with Site(_LINES, mpm=request.param) as site:
        (site.here / "one.txt").write_text("one of httpd's")
        yield site


def test_what_is_told_is_in_the_access_log(site: Site) -> None:
    mark = site.log.mark()
    assert site.ask("/app/tell").text == "told"
    site.log.wait_for(
        "^note=a note variable=a variable user=somebody status=200$", mark
    )
    site.log.wait_for("a word of the application", mark)
    # It was of that request only.
    mark = site.log.mark()
    assert site.ask("/app/facts").status == 200
    site.log.wait_for("^note=- variable=- user=- status=200$", mark)


def test_facts(site: Site) -> None:
    facts = json.loads(site.ask("/app/facts/more").text)
    assert facts["server"]["admin"] == "somebody@example.com"
    assert facts["server"]["document_root"] == str(site.here)
    assert facts["server"]["mpm"] in {"event", "prefork"}
    assert facts["server"]["software"].startswith("Apache/2.4")
    assert facts["request"]["uri"] == "/app/facts/more"
    assert facts["variables"]["FROM_HTTPD"] == "a word"


def test_another_path_answers(site: Site) -> None:
    response = site.ask("/app/redirect")
    assert response.text == "one of httpd's"
    assert response.header("accept-ranges") == "bytes"
    assert site.ask("/app/late").text == "begun the response has been started"


def test_a_path_is_looked_up(site: Site) -> None:
    status, filename, content_type, _, path_info, exists = json.loads(
        site.ask("/app/lookup").text
    )
    assert (status, exists, path_info) == (200, True, "")
    assert filename == str(site.here / "one.txt")
    assert content_type == "text/plain"
    assert json.loads(site.ask("/app/missing").text) is False


def test_a_file_is_sent(site: Site) -> None:
    assert site.ask("/app/file/one.txt").text == "one of httpd's"


def test_there_is_no_tls_here(site: Site) -> None:
    assert site.ask("/app/tls/SSL_PROTOCOL").text == "None"
