"""A BIND, and the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pulumi_agin import cli
from tests.keys import API_KEY
from tests.unit.bind import DOMAIN, KEY, delegate
from tools.bind import Bind

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def running_bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bind]:
    with Bind(tmp_path_factory.mktemp("bind"), [KEY]) as bind:
        yield bind


@pytest.fixture
def bind(running_bind: Bind) -> Bind:
    """A primary of acme.com, in which nothing is delegated."""
    delegate(running_bind, DOMAIN, [])
    return running_bind


@pytest.fixture
def pulumi_agin(capfd: pytest.CaptureFixture[str]) -> Command:
    """`pulumi-agin`: the status, stdout and stderr of a command, in which the API key is not."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = cli.main(arguments)
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        for start in range(len(API_KEY) - 7):
            assert API_KEY[start : start + 8] not in out + err
        return status, out, err

    return run
