"""What only the dynamic front end does: the option `import_`, and calls without the SDK's servicer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pulumi_agin.emulator import Emulator
from tests.servicer.front_ends.conftest import Start
from tests.support.keys import API_KEY, assert_without_key
from tests.support.ngrok import create, requests
from tests.support.plugin import CallError, Plugin

PLAIN = {"domain": "connect.acme.com"}


@pytest.fixture
def front_end() -> type[Plugin]:
    return Plugin


def test_import_reads_and_keeps_the_option_in_the_inputs(plugin: Plugin, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com", description="d")
    inputs = {**PLAIN, "description": "d", "__import": id_}
    assert plugin.check(inputs) == (inputs, [])
    assert plugin.check({**PLAIN, "__import": "../x"})[1] == [
        "the option import_ is not the ID of an Agent Ingress; an ID looks like agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"
    ]
    requests(emulator)
    assert plugin.create(inputs)[0] == id_
    assert [method for method, _ in requests(emulator)] == ["GET"]
    with pytest.raises(
        CallError, match=f'^the Agent Ingress {id_} can\'t be imported, .*: at ngrok, it has description "d"'
    ):
        plugin.create({**PLAIN, "__import": id_})


def test_refresh_of_an_imported_ingress_keeps_its_inputs(plugin: Plugin, emulator: Emulator) -> None:
    inputs = {**PLAIN, "__import": create(emulator, "connect.acme.com")}
    id_, outputs = plugin.create(inputs)
    # Without inputs in the response, the engine keeps those that it has.
    assert plugin.read(id_, outputs, inputs) == (id_, outputs, None)


def test_provider_of_another_python_is_no_change(plugin: Plugin) -> None:
    id_, outputs = plugin.create(PLAIN)
    assert plugin.diff({**outputs, "__provider": "of another Python"}, PLAIN, id_).changes == 1


def test_explicit_provider_does_not_use_the_key_of_the_environment(start: Start) -> None:
    plugin = start(config={"agin:provider": "theirs"}, NGROK_API_KEY=API_KEY)
    assert plugin.check(PLAIN)[1] == ['agin:apiKey of the Provider "theirs" is empty; set the key of its account']


# In this process, there is no servicer of the SDK on the call stack, and no engine.
WITHOUT_SERVICER = """
import sys
from pulumi.dynamic import Config, ConfigureRequest
from pulumi_agin.dynamic.providers import AgentIngressProvider

settings = dict(zip(("agin:apiKey", "agin:apiBaseUrl"), sys.argv[1:3]))
provider = AgentIngressProvider()
provider.configure(ConfigureRequest(Config(settings, "test")))
created = provider.create({"domain": "connect.acme.com"})
provider.diff(created.id, created.outs, {"domain": "other.acme.com"})
print(provider.read(created.id, created.outs).outs == created.outs)
provider.create({"domain": "connect.acme.com"})
"""


def test_without_the_servicer_of_the_sdk_a_failure_still_has_its_sentence(emulator: Emulator) -> None:
    command = [sys.executable, "-c", WITHOUT_SERVICER, API_KEY, emulator.url, "no engine"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stdout == "True\n"
    first, last = ended.stderr.splitlines()[1], ended.stderr.splitlines()[-1]
    assert "this replacement deletes the Agent Ingress connect.acme.com" in first
    assert last.startswith("pulumi_agin.dynamic.front_end.ProviderError: could not create the Agent Ingress connect.")
    # The original exception could have a secret in its message.
    assert ended.stderr.count("Traceback") == 1
    assert_without_key(ended.stdout + ended.stderr)
