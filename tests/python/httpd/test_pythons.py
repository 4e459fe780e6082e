"""Several Pythons in one httpd, each with an environment of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from httpd.site import Site
from support.fronts.httpd import quoted

# Another interpreter that has the package, which the stage `interpreters` names.
OTHER = os.environ.get("NARTHEX_OTHER_PYTHON", "")


@pytest.mark.smoke
@pytest.mark.skipif(not OTHER, reason="excused: no other Python is named")
def test_two_pythons_answer_side_by_side() -> None:
    lines = f"""\
NarthexPython ${{PYTHON}}
NarthexGroup other {quoted(f"python={OTHER}")}
<Location /inline>
    NarthexProcess inline
    NarthexApp ${{HERE}}/inside.py:app
</Location>
<Location /one>
    NarthexApp ${{HERE}}/inside.py:app
</Location>
<Location /other>
    NarthexProcess group:other
    NarthexApp ${{HERE}}/inside.py:app
</Location>
"""
    with Site(lines) as site:
        seen = [
            dict(fact.split("=", 1) for fact in site.ask(f"/{at}/python").text.split())
            for at in ("inline", "one", "other")
        ]
        assert [facts["prefix"] for facts in seen] == [
            sys.prefix,
            sys.prefix,
            str(Path(OTHER).parents[1]),
        ]
        own = "{}.{}".format(*sys.version_info)
        assert [facts["version"] for facts in seen[:2]] == [own, own]
        assert seen[2]["version"] != own
        for at in ("inline", "one", "other"):
            assert site.ask(f"/{at}/extensions").text == "2 0.125"
