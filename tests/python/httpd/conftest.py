"""Shows what httpd has said where a case fails that shares a site with others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from httpd.site import Site

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds the end of the log of each site that the case was given."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Site):
                lines = value.log.since()[-100:]
                report.sections.append((f"log of {name}", "\n".join(lines)))
    return report
