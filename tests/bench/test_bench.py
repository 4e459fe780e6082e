"""The parts of the bench that compute: parsing, statistics, tables, declarations."""

from __future__ import annotations

import operator
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bench import environment, instructions, measure, report
from bench.client import AnswerError, parse_head, read_head, request_bytes
from bench.command import Plan, brief, parser
from bench.environment import Interpreters, MissingError, scratch
from bench.http2 import parse_h2load
from bench.instructions import Record
from bench.load import Setting, Wrk, parse_wrk, spent_cpu
from bench.measure import CPU, RATE, Measure, Sample, Stat
from bench.process import (
    Running,
    ServerError,
    candidate_ports,
    free_port,
    listening_sockets,
    open_sockets,
    parse_listeners,
    started,
)
from bench.report import Results
from bench.scenarios import GOALS, SCENARIOS, Goal, Scenario
from bench.server import BUILT, OURS, SYSTEM, Role, Server
from bench.servers import SERVERS
from bench.slow import SlowReader, SlowUpload, drive

PYTHON = Path(sys.executable)


def sample(**values: float) -> Sample:
    return Sample(dict(values))


def test_stat_of_a_process_whose_name_has_brackets_and_spaces() -> None:
    line = "42 (a) (b c) S 7 42 42 0 -1 4194560 1 2 3 4 100 50 30 20 20 0 1 0 9"
    tick = measure.TICKS_PER_SECOND
    assert measure.parse_stat(line) == Stat(42, 7, 150 / tick, 50 / tick)


def test_descendants_are_found_in_any_order() -> None:
    stats = [
        Stat(pid, parent, 0, 0) for pid, parent in [(9, 5), (5, 2), (3, 1), (2, 1)]
    ]
    found = measure.descendants(stats, 2)
    assert [stat.pid for stat in found] == [2, 5, 9]


def test_cpu_of_a_child_that_ended_is_kept() -> None:
    running = Running("self", os.getpid(), 0)
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    with spent_cpu(running) as cpu:
        subprocess.run([sys.executable, "-c", burn], check=True)
    assert cpu() >= 0.25


def test_states_of_our_own_threads() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert "R" in measure.thread_states(os.getpid())
        assert len(list(Path("/proc/self/task").iterdir())) >= 2
    finally:
        over.set()
        thread.join()


def test_kilobytes() -> None:
    status = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n"
    assert measure.parse_kilobytes(status, "VmHWM") == 2048 * 1024
    with pytest.raises(KeyError):
        measure.parse_kilobytes(status, "Pss")


def test_memory_of_ourselves_is_plausible() -> None:
    tree = measure.process_tree(os.getpid())
    resident = measure.resident_memory(tree)
    assert 0 < measure.proportional_memory(tree) <= resident
    assert measure.peak_memory(tree) >= resident


def test_the_ratio_pairs_rounds_and_so_cancels_drift() -> None:
    theirs = [sample(x=10.0), sample(x=40.0), sample(x=20.0)]
    ours = [sample(x=5.0), sample(x=20.0), sample(x=10.0)]
    assert measure.ratio(theirs, ours, Measure("x", "x", 0)) == 2.0


def test_a_ratio_to_next_to_nothing_is_left_out() -> None:
    growth = Measure("x", "x", 0, lowest_divisor=1.0)
    assert measure.ratio([sample(x=100.0)], [sample(x=0.1)], growth) is None


def test_the_median_skips_what_was_not_measured() -> None:
    samples = [sample(x=1.0), sample(), sample(x=3.0)]
    assert measure.medians(samples, Measure("x", "x", 0)) == 2.0
    assert measure.medians(samples, Measure("y", "y", 0)) is None


def test_spread() -> None:
    assert measure.spread([99.0, 100.0, 101.0]) == pytest.approx(0.02)


WRK = (
    "Running 1s test @ http://127.0.0.1:1/\nbench requests=2000 duration_us=500000"
    " bytes=1 p50_us=250.0 p99_us=1000.0 p999_us=2000.5 max_us=9.0 connect=0 read=3"
    " write=0 status=0 timeout=1\n"
)


def test_wrk_figures() -> None:
    figures = parse_wrk(WRK)
    assert figures.rate == 4000
    assert figures.p999_us == 2000.5
    assert figures.faults == ["3 read errors", "1 timeout errors"]


def test_wrk_without_an_answer_is_a_fault() -> None:
    figures = parse_wrk(WRK.replace("requests=2000", "requests=0"))
    assert "no request was answered" in figures.faults


def test_wrk_that_failed_shows_its_words() -> None:
    with pytest.raises(AnswerError, match="unable to connect"):
        parse_wrk("unable to connect to 127.0.0.1:1 Connection refused")


def test_wrk_has_one_thread_on_its_core() -> None:
    command = Wrk(headers=(("A", "b"),), pipeline=16).command(8000, 0.3, core=1)
    assert command[:3] == ["taskset", "-c", "1"]
    assert command[command.index("-t") + 1] == "1"
    assert command[command.index("-d") + 1] == "1s"
    assert command[command.index("-H") + 1] == "A: b"
    assert command[-2:] == ["--", "16"]


@pytest.mark.parametrize(
    ("wrk", "ending"),
    [
        (Wrk(), ["http://127.0.0.1:80/"]),
        (Wrk(tls=True), ["https://127.0.0.1:80/"]),
        (Wrk(pipeline=16), ["http://127.0.0.1:80/", "--", "16"]),
        (Wrk(distinct="/a/"), ["http://127.0.0.1:80/", "--", "/a/"]),
        (Wrk(pause=1.25), ["http://127.0.0.1:80/", "--", "1.250"]),
    ],
)
def test_what_wrk_is_told(wrk: Wrk, ending: list[str]) -> None:
    command = wrk.command(80, 1, core=None)
    assert command[-len(ending) :] == ending
    script = Path(command[command.index("-s") + 1])
    assert script.is_file()


H2LOAD = """\
finished in 2.00s, 51234.50 req/s, 3.42MB/s
requests: 102469 total, 102725 started, 102469 done, 102469 succeeded, 0 failed, \
0 errored, 0 timeout
"""


def test_h2load_figures() -> None:
    assert parse_h2load(H2LOAD) == (102469, 51234.5)


@pytest.mark.parametrize(
    "output",
    ["", H2LOAD.replace("0 failed", "1 failed"), H2LOAD.replace("102469", "0")],
)
def test_h2load_with_a_failure_is_refused(output: str) -> None:
    with pytest.raises(AnswerError):
        parse_h2load(output)


def test_a_server_has_a_folder_with_a_certificate() -> None:
    with scratch() as folder:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    assert not folder.exists()


def test_listeners_of_a_port() -> None:
    table = (
        "  sl  local_address rem_address   st tx rx tr tm retrnsmt uid timeout inode\n"
        "   0: 0100007F:2710 00000000:0000 0A 0:0 00:0 0 0 0 111 1\n"
        "   1: 0100007F:2710 0100007F:9999 01 0:0 00:0 0 0 0 222 1\n"
        "   2: 00000000:2711 00000000:0000 0A 0:0 00:0 0 0 0 333 1\n"
    )
    assert parse_listeners(table, 10_000) == {111}


def test_our_own_listener_is_recognised() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        sockets = listening_sockets(port)
        assert sockets
        assert sockets <= open_sockets([os.getpid()])
    assert not listening_sockets(port)


def test_ports_are_outside_those_of_client_sockets() -> None:
    ports = candidate_ports((32_768, 60_999))
    assert not any(32_768 <= port <= 60_999 for port in ports)
    assert min(ports) == 10_000
    assert max(ports) == 65_535
    assert free_port() in candidate_ports(ephemeral_range())


def ephemeral_range() -> tuple[int, int]:
    path = Path("/proc/sys/net/ipv4/ip_local_port_range")
    low, high = path.read_text().split()
    return int(low), int(high)


def test_a_server_that_ends_shows_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such module')"]
    with (
        pytest.raises(ServerError, match="status 1: no such module"),
        started("x", command, free_port(), tmp_path, {}),
    ):
        pass


def test_a_port_of_another_process_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(30)"]
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(ServerError, match="belongs to another process"),
        started("x", command, other.getsockname()[1], tmp_path, {}),
    ):
        pass


LISTEN_FROM_A_CHILD = """
import os, socket, sys, time
if os.fork() == 0:
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(60)
"""


def test_a_server_is_stopped_with_all_its_children(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", LISTEN_FROM_A_CHILD, str(port)]
    with started("x", command, port, tmp_path, {}) as running:
        pids = [stat.pid for stat in running.tree()]
        assert len(pids) == 2
    deadline = time.monotonic() + 5
    while listening_sockets(port) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not listening_sockets(port)


def test_a_head_is_parsed_when_it_is_whole() -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\n\r\nhel"
    for cut in range(answer.index(b"\r\n\r\n") + 4):
        assert parse_head(answer[:cut]) is None
    head = parse_head(answer)
    assert head is not None
    assert (head.status, head.length, head.rest) == (200, 5, b"hel")


def test_a_head_without_length_is_refused() -> None:
    with pytest.raises(AnswerError, match="no Content-Length"):
        parse_head(b"HTTP/1.1 200 OK\r\n\r\n")


def test_a_close_within_the_head_is_told() -> None:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"HTTP/1.1 2")
        far.shutdown(socket.SHUT_WR)
        with pytest.raises(AnswerError, match="closed after 10 bytes"):
            read_head(near)


def test_a_request_is_written_as_wrk_writes_it() -> None:
    expected = b"POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nA: b\r\n\r\n"
    assert request_bytes("/x", (("A", "b"),), "POST") == expected


def answer_once(listener: socket.socket, need: int, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        received = 0
        while received < need:
            received += len(connection.recv(65536))
        connection.sendall(answer)


def drive_against(answer: bytes, job: SlowReader | SlowUpload) -> list[str | None]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        need = 1 if isinstance(job, SlowReader) else 1000
        server = threading.Thread(target=answer_once, args=(listener, need, answer))
        server.start()
        outcomes = drive([job], listener.getsockname()[1], limit=2.0)
        server.join()
    return outcomes


def test_a_slow_reader_takes_its_time_and_the_whole_body() -> None:
    start = time.monotonic()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + bytes(1000)
    assert drive_against(answer, SlowReader(1000, lasting=0.3)) == [None]
    assert time.monotonic() - start >= 0.3


def test_a_slow_reader_tells_a_short_body() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + bytes(900)
    (outcome,) = drive_against(answer, SlowReader(1000, lasting=0.1))
    assert outcome == "closed after 900 of 1000 bytes"


def test_a_slow_upload_checks_the_answer() -> None:
    right = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n1000"
    assert drive_against(right, SlowUpload(1000, lasting=0.1)) == [None]
    wrong = right.replace(b"\r\n1000", b"\r\n0999")
    (outcome,) = drive_against(wrong, SlowUpload(1000, lasting=0.1))
    assert outcome == "answered 200 to a slow upload"


def test_names_are_unique_and_declarations_complete() -> None:
    names = [server.name for server in SERVERS]
    assert len(names) == len(set(names))
    assert len(SCENARIOS) == len({scenario.name for scenario in SCENARIOS})
    for scenario in SCENARIOS:
        taking = [server.name for server in SERVERS if scenario.takes(server)]
        assert scenario.ours in taking, scenario.name
        assert len(taking) > 1, scenario.name


def test_every_peer_is_in_the_requirements() -> None:
    text = environment.REQUIREMENTS.read_text()
    pinned = {line.partition("==")[0] for line in environment.parse_requirements(text)}
    assert {name for s in SERVERS for name in (s.package, *s.needs)} - {
        OURS,
        SYSTEM,
        BUILT,
    } <= pinned
    assert all("==" in line for line in environment.parse_requirements(text))


def test_goals_speak_of_servers_of_their_scenario() -> None:
    for goal in GOALS:
        scenario = next(s for s in SCENARIOS if s.name == goal.scenario)
        measures = scenario.load.measures
        values = {m.key: 2.0 for m in measures}
        samples = {s.name: [Sample(values)] for s in SERVERS if scenario.takes(s)}
        assert goal.figure(samples) in (1.0, 2.0), goal.text


def test_a_command_line_is_filled_in() -> None:
    server = next(s for s in SERVERS if s.name == "bjoern")
    command = server.command_line(Path("/v/bin/python"), "hello", 12345, Path("/s"))
    assert command[0] == "/v/bin/python"
    assert command[2].endswith("bjoern.run(hello.app, '127.0.0.1', 12345)")


HELLO = next(scenario for scenario in SCENARIOS if scenario.name == "hello")


def hello_results() -> Results:
    results = Results(HELLO)
    results.samples["narthex"] = [
        sample(requests_per_second=200.0, cpu_us_per_request=5.0),
        sample(requests_per_second=100.0, cpu_us_per_request=5.0),
    ]
    results.samples["granian-bt1"] = [
        sample(requests_per_second=100.0, cpu_us_per_request=10.0),
        sample(requests_per_second=50.0, cpu_us_per_request=10.0),
    ]
    return results


def row(text: str, name: str) -> list[str]:
    line = next(s for s in text.splitlines() if s.startswith(f"| {name}"))
    return [part.strip() for part in line.strip("| ").split("|")]


def test_the_table_has_ratios_to_ours() -> None:
    text = report.table(hello_results())
    assert row(text, "granian-bt1")[1:3] == ["75 (0.50)", "10.00 (2.00)"]
    assert row(text, "narthex *")[1:3] == ["150", "5.00"]
    assert row(text, "narthex *")[3] == "–"
    assert len({len(line) for line in text.splitlines()}) == 1


def test_a_fault_in_one_round_makes_the_row_invalid() -> None:
    results = hello_results()
    results.samples["granian-bt1"][1].faults.append("3 read errors")
    text = report.table(results)
    assert set(row(text, "granian-bt1")[1:]) == {"invalid"}
    assert "- granian-bt1: 3 read errors" in text
    assert results.failed()


def test_an_absent_server_stays_in_the_table() -> None:
    results = hello_results()
    results.absent["bjoern"] = "could not be built"
    assert set(row(report.table(results), "bjoern")[1:]) == {"absent"}
    assert "- bjoern: could not be built" in report.table(results)
    assert results.failed()


def test_without_ours_there_are_no_ratios() -> None:
    results = hello_results()
    results.samples["narthex"][0].faults.append("x")
    assert row(report.table(results), "granian-bt1")[1:3] == ["75", "10.00"]


def test_verdicts() -> None:
    words = {
        verdict.goal.text: verdict.word
        for verdict in report.verdicts([hello_results()], GOALS)
    }
    assert words == {
        "CPU µs/request: granian-bt1 ÷ narthex ≥ 1.7": "met",
        "requests/s: narthex ÷ granian-bt1 ≥ 1.5": "met",
        "requests/s: narthex ÷ granian-bt64 ≥ 2.5": "not measured",
        "CPU µs/request: bjoern ÷ narthex ≥ 1": "not measured",
        "CPU µs/request: fastwsgi ÷ narthex ≥ 1": "not measured",
    }


def test_a_missed_goal_is_called_missed() -> None:
    goal = Goal("hello", "x", lambda samples: 1.0, operator.ge, 2.0)
    (verdict,) = report.verdicts([hello_results()], [goal])
    assert verdict.word == "missed"


def test_json_has_rounds_medians_and_ratios() -> None:
    found = report.verdicts([hello_results()], GOALS)
    collected = report.as_json([hello_results()], found, {"rounds": 2}, {"cores": "2"})
    (scenario,) = collected["scenarios"]  # type: ignore[misc]  # JSON is untyped
    theirs = scenario["servers"]["granian-bt1"]  # type: ignore[has-type]
    assert theirs["median"][RATE.key] == 75.0
    assert theirs["ratio"][CPU.key] == 2.0
    assert len(theirs["rounds"]) == 2


def test_servers_are_described_with_what_stands_before_them() -> None:
    text = report.servers_table(SERVERS)
    assert row(text, "flup")[1].endswith("; nginx has pass/fastcgi.conf")
    assert row(text, "wsgiref ")[2].endswith(
        "program is cgi/wsgiref_hello.py behind #!{python}`"
    )


def test_a_block_is_appended_once_and_then_replaced() -> None:
    document = report.replace_block("# Head\n", "a", "one")
    document = report.replace_block(document, "b", "two")
    document = report.replace_block(document, "a", "three")
    assert document == (
        "# Head\n\n<!-- begin a -->\nthree\n<!-- end a -->\n"
        "\n<!-- begin b -->\ntwo\n<!-- end b -->\n"
    )


def test_a_block_that_does_not_end_is_refused() -> None:
    with pytest.raises(ValueError, match="does not end"):
        report.replace_block("<!-- begin a -->\n", "a", "one")


def test_a_block_has_command_machine_and_goals() -> None:
    found = report.verdicts([hello_results()], GOALS)
    text = report.block(
        hello_results(), found, "hello pinned", "run --pin", {"cores": "2"}
    )
    assert text.startswith("## hello pinned\n")
    assert "Medians of 2 rounds." in text
    assert "```sh\nrun --pin\n```" in text
    assert "cores: 2." in text
    assert "granian-bt1 ÷ narthex" in text


class Counting:
    """A load that notes which servers it met."""

    measures = (RATE,)

    def __init__(self) -> None:
        self.met: list[str] = []

    def verify(self, server: Running) -> None:
        self.met.append(f"verify {server.name}")

    def run(self, server: Running, setting: Setting) -> Sample:
        self.met.append(f"run {server.name}")
        return sample(requests_per_second=setting.seconds)


LISTEN = (
    "import socket, time; s = socket.create_server(('127.0.0.1', {port}));"
    " time.sleep(60)"
)


def fake(name: str, package: str, code: str = LISTEN) -> Server:
    command = ("{python}", "-c", code)
    return Server(name, package, command, "", frozenset({Role.PLAIN}))


def plan(load: Counting, *servers: Server, rounds: int = 2) -> Plan:
    scenario = Scenario("s", "note", load, frozenset({Role.PLAIN}), ours="a")
    interpreters = Interpreters(PYTHON, PYTHON, {"gone": "not built"})
    return Plan([scenario], servers, interpreters, rounds, 0.5, pinned=False)


def test_rounds_are_interleaved_and_answers_verified_first() -> None:
    load = Counting()
    (results,) = plan(load, fake("a", "x"), fake("b", "x")).play()
    visit = ["verify a", "run a", "verify b", "run b"]
    assert load.met == visit * 2
    assert [len(results.samples[name]) for name in "ab"] == [2, 2]
    assert not results.failed()


def test_a_server_that_fails_or_is_absent_does_not_stop_the_others() -> None:
    load = Counting()
    broken = fake("b", "x", "raise SystemExit('broken')")
    servers = (fake("a", "x"), broken, fake("c", "gone"))
    (results,) = plan(load, *servers, rounds=1).play()
    assert list(results.valid()) == ["a"]
    assert "broken" in results.faults("b")[0]
    assert results.absent == {"c": "not built"}


def test_a_line_for_whoever_watches() -> None:
    assert brief(HELLO, sample(requests_per_second=10.4)) == "10 requests/s"
    assert brief(HELLO, Sample(faults=["a", "b"])) == "a; b"


def test_an_unknown_scenario_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert parser().parse_args(["--only", "hello,upload"]).only == ["hello", "upload"]
    with pytest.raises(SystemExit):
        parser().parse_args(["--only", "hallo"])
    assert "hallo unknown; there are hello" in capsys.readouterr().err


def test_a_missing_tool_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingError, match="apt-get install wrk util-linux"):
        environment.need_tools(["wrk", "taskset"])


def test_requirements_without_comments() -> None:
    text = "# head\na==1\n\nb==2  # why\n"
    assert environment.parse_requirements(text) == ["a==1", "b==2"]


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("x.c:1:10: fatal error: ev.h: No such file", "apt-get install libev-dev"),
        ("fatal error: Python.h: No such file", "apt-get install python3-dev"),
        (
            "note: x\nERROR: No matching distribution\nnote: y",
            "No matching distribution",
        ),
        ("", "does not say why"),
    ],
)
def test_why_a_peer_cannot_be_installed(output: str, reason: str) -> None:
    assert reason in environment.explain_failure("x==1", output)


def test_a_server_sees_no_settings_of_the_caller(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GRANIAN_WORKERS", "9")
    monkeypatch.setenv("PYTHONHOME", "/x")
    variables = environment.server_environment(tmp_path, PYTHONHASHSEED="0")
    assert "GRANIAN_WORKERS" not in variables
    assert "PYTHONHOME" not in variables
    assert variables["PYTHONPATH"] == str(tmp_path)
    assert variables["PYTHONHASHSEED"] == "0"


def test_totals_of_callgrind() -> None:
    text = "events: Ir\nfn=(1) x\n+3 5\nsummary: 100\n\ntotals: 123\n"
    assert instructions.parse_totals(text) == 123
    with pytest.raises(ValueError, match="no totals"):
        instructions.parse_totals("events: Ir\n")


def test_a_record_is_read_as_it_was_written() -> None:
    record = Record({"python": "3.11.2", "rustc": "rustc 1.95.0 (a 2026)"}, {"x": 12})
    assert instructions.parse_record(instructions.format_record(record)) == record


@pytest.mark.parametrize(
    ("counted", "status", "word"),
    [
        (1000, 0, "ok"),
        (1030, 0, "ok"),
        (1031, 1, "WORSE"),
        (960, 0, "better"),
    ],
)
def test_more_than_three_percent_worse_fails(
    counted: int, status: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert instructions.compare({"hello": 1000}, {"hello": counted}) == status
    assert word in capsys.readouterr().out


def test_a_case_without_a_record_fails() -> None:
    assert instructions.compare({}, {"hello": 1000}) == 1


def test_other_tools_are_named() -> None:
    recorded = {"python": "3.11.2", "rustc": "1.95"}
    here = {"python": "3.12.0", "rustc": "1.95", "libc": "glibc-2.36"}
    assert instructions.differences(recorded, here) == [
        "python: recorded 3.11.2, here 3.12.0",
        "libc: recorded nothing, here glibc-2.36",
    ]
