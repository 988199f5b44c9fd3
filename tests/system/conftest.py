"""What all system tests share: servers, their end, and what happens when a test fails."""
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import gatepost  # noqa: E402
import segment  # noqa: E402
from client import Api  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def the_binary_exists():
    if not gatepost.BINARY.exists():
        pytest.exit(f"{gatepost.BINARY} does not exist: run make first, or set GATEPOST_BINARY", 2)
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=99")
    os.environ.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")


@pytest.fixture(scope="module")
def module_servers():
    """A maker of servers that live until the end of the module; each must then stop cleanly."""
    made = []

    def start(overrides=None, **options):
        server = gatepost.Gatepost(overrides, **options).start()
        made.append(server)
        return server
    yield start
    finish(made)


@pytest.fixture
def serve():
    """A maker of servers for one test; each must stop cleanly, unless the test stopped it."""
    made = []

    def start(overrides=None, **options):
        server = gatepost.Gatepost(overrides, **options)
        made.append(server)
        return server.start()
    yield start
    finish(made)


@pytest.fixture
def prepare():
    """A maker of servers that the test starts by itself, and that need not be running at its end."""
    made = []

    def make(overrides=None, **options):
        server = gatepost.Gatepost(overrides, **options)
        made.append(server)
        return server
    yield make
    finish(made, running=False)


def finish(made, running=True):
    problems = []
    for server in made:
        try:
            if running and server.alive():
                server.stop()
        except AssertionError as problem:
            problems.append(str(problem))
        complaints = server.log_complaints()
        if complaints:
            problems.append(complaints)
        server.destroy()
        gatepost.servers.remove(server)
    assert not problems, "\n".join(problems)


@pytest.fixture(scope="module")
def server(module_servers):
    """The module's server: two workers, toy hashes, letters as files."""
    return module_servers()


@pytest.fixture
def points(server):
    """The fault points of the test's server, none of them armed before or afterwards."""
    with segment.open_points(server.pid) as opened:
        yield opened
        if server.alive():
            opened.disarm_all()


@pytest.fixture
def api(server):
    calls = Api(server.address)
    yield calls
    calls.close()


@pytest.fixture(autouse=True)
def no_complaint_in_any_log(request):
    yield
    for server in gatepost.servers:
        complaints = server.log_complaints()
        assert not complaints, f"{server.directory}:\n{complaints}\n{server.log_tail(60)}"


def note_failure(name):
    """For tests/run, which runs it once more."""
    path = os.environ.get("GATEPOST_FAILED_TESTS")
    if path:
        with open(path, "a") as file:
            file.write(name + "\n")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        note_failure(item.nodeid)
        for server in gatepost.servers:
            if server.process is not None:
                report.sections.append((f"log of {server.directory}", server.log_tail()))
