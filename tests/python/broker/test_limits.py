"""What a group sets bounds to: time, memory, requests."""

from __future__ import annotations

import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supervisor.supervised import until

from .asking import get
from .brokered import all_well, is_running, who

if TYPE_CHECKING:
    from .conftest import Starter

Settings = dict[str, Any]


def test_a_request_that_hangs_is_answered_and_its_process_replaced(
    start: Starter, shop: Settings, app: str
) -> None:
    broker = start({"shop": {**shop, "timeout": "0.5", "graceful": 1}})
    path = broker.open("shop", app)
    hung = who(path)
    assert get(path, "/sleep?600").status == 504
    broker.log.wait_for(r"process \d+ hangs and is replaced")
    broker.log.wait_for(r"app\.py.* in app|time\.sleep")
    until(lambda: not is_running(hung))
    assert who(path) != hung


def test_a_process_that_grows_is_replaced(
    start: Starter, shop: Settings, app: str
) -> None:
    broker = start({"shop": {**shop, "max-rss": "150M"}})
    path = broker.open("shop", app)
    large = who(path)
    assert get(path, "/grow?200").status == 200
    until(lambda: not is_running(large))
    assert who(path) != large
    broker.log.wait_for("a worker is replaced: process .* MiB resident")


def test_a_process_is_replaced_after_its_requests(
    start: Starter, shop: Settings, app: str
) -> None:
    broker = start({"shop": {**shop, "max-requests": 3}})
    path = broker.open("shop", app)
    old = who(path)

    def is_replaced() -> bool:
        who(path)
        return not is_running(old)

    until(is_replaced)
    assert who(path) != old


def test_threads_are_as_many_as_is_said(
    start: Starter, shop: Settings, app: str
) -> None:
    broker = start({"shop": {**shop, "threads": 3}})
    path = broker.open("shop", app)
    with ThreadPoolExecutor(3) as pool:
        answers = pool.map(get, [path] * 3, ["/sleep?0.5"] * 3)
        until(lambda: broker.log.count("asleep") == 3)
        assert all_well(list(answers))


def test_two_groups_have_their_own_pythons(
    start: Starter, shop: Settings, project: Path
) -> None:
    (project / "where.py").write_text(
        "import sys\n\n\ndef app(environ, start_response):\n"
        "    start_response('200 OK', [])\n    return [sys.prefix.encode()]\n"
    )
    other = project / "venv"
    venv.create(other, with_pip=False, symlinks=True)
    broker = start({"shop": shop, "other": {**shop, "python": other}})
    pages = [
        get(broker.open(name, f"{project}/where.py:app")).body.decode()
        for name in ("shop", "other")
    ]
    assert pages == [sys.prefix, str(other)]
