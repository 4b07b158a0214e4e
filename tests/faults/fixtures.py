"""Fixtures of the fault matrix, and the table at the end of a run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.corpora import deliver
from faults.injection import arm
from faults.kit import Case, Cases, Drivers, Host, make_case, started_host
from faults.matrix import Matrix
from trained import byte_level

_MATRIX = pytest.StashKey[Matrix]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_MATRIX] = Matrix()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no process works on one alone at the end."""
    first = ("test_kills_of_jvms.py", "test_kills.py")
    items.sort(key=lambda item: first.index(item.path.name) if item.path.name in first else 2)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes of pytest-xdist hands over what it tried."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["matrix"] = session.config.stash[_MATRIX].rows()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add what a process of pytest-xdist tried; one that crashed has said nothing."""
    for row in getattr(node, "workeroutput", {}).get("matrix", ()):
        node.config.stash[_MATRIX].add(*row)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    lines = list(config.stash[_MATRIX].lines())
    if lines:
        terminalreporter.section("fault matrix")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture(scope="session")
def matrix(request: pytest.FixtureRequest) -> Matrix:
    """What was tried, for the table at the end."""
    return request.config.stash[_MATRIX]


@pytest.fixture(scope="session")
def tiny_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Byte-level BPE of 320 entries."""
    path = tmp_path_factory.mktemp("tiny-tokenizer") / "tokenizer.json"
    byte_level().save(str(path))
    return path


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A JVM for drivers that may die."""
    with started_host(tmp_path_factory.mktemp("host") / "host") as started:
        yield started


@pytest.fixture(scope="session")
def drivers(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Drivers:
    return Drivers(host, tmp_path_factory.mktemp("drivers"))


@pytest.fixture(scope="session")
def case_of(
    drivers: Drivers, tiny_tokenizer: Path, tmp_path_factory: pytest.TempPathFactory
) -> Cases:
    """The case of an input format, made when it is first asked for."""
    made: dict[str, Case] = {}

    def find(form: str) -> Case:
        arm(drivers.host.faults)  # else those of a test that failed hit this one
        if form not in made:
            folder = tmp_path_factory.mktemp(form)
            delivery = deliver(folder / "in", form)
            made[form] = make_case(drivers, delivery, tiny_tokenizer, folder)
        return made[form]

    return find
