"""`pulumi-agin import` against the emulator. If it fails, it prints nothing on stdout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pulumi.dynamic.dynamic import serialize_provider

import pulumi_agin as agin
from pulumi_agin.base.redaction import Secret
from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle.outputs import STRINGS, fingerprint
from tests.support import ngrok
from tests.support.clock import Clock
from tests.support.command import Command
from tests.support.imported_program import with_delegations
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, assert_without_key
from tests.support.odd_emulator import OddEmulator, Oddities
from tests.support.stub_cli import NO_STACK, StubCli
from tests.support.wire import serve, trickle

TYPE = "pulumi-python:dynamic/agin:AgentIngress"
NATIVE = "agin:index:AgentIngress"
STACK = "urn:pulumi:dev::test::pulumi:pulumi:Stack::test-dev"
SITE = "urn:pulumi:dev::test::acme:index:Site::site"
PROVIDER = "urn:pulumi:dev::test::pulumi:providers:pulumi-python::acct2"
UNKNOWN_ID = "agin_000000000000000000000000000"

KEY_OF_ENVIRONMENT = "pulumi-agin: the API key is from the environment variable NGROK_API_KEY\n"

Create = Callable[..., str]


class Import:
    """Runs `pulumi-agin import`."""

    def __init__(self, pulumi_agin: Command, emulator: Emulator) -> None:
        self._pulumi_agin = pulumi_agin
        source = "the environment variable NGROK_API_BASE_URL"
        self.base_url = f"pulumi-agin: the base URL is {emulator.url}, from {source}\n"

    def __call__(self, *arguments: str) -> tuple[str, str]:
        """Asserts that it succeeds. Returns its stdout, and its stderr without the base URL."""
        status, out, err = self._pulumi_agin("import", *arguments)
        assert status == 0, err
        return out, err.replace(self.base_url, "")

    def names(self, *arguments: str) -> dict[str, str]:
        """Returns the names of the resources in the file, by domain."""
        return {each["inputs"]["domain"]: each["name"] for each in json.loads(self(*arguments)[0])["resources"]}

    def fails(self, *arguments: str, status: int = 2) -> str:
        """Asserts that it fails and prints nothing on stdout. Returns its stderr."""
        ended, out, err = self._pulumi_agin("import", *arguments)
        assert (ended, out) == (status, "")
        assert err.startswith("pulumi-agin: ")
        return err


@pytest.fixture(autouse=True)
def environment(settings_of_emulator: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the emulator's URL and key, with a folder without a project, and no pulumi on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def create(emulator: Emulator) -> Create:
    return partial(ngrok.create, emulator)


@pytest.fixture
def command(pulumi_agin: Command, emulator: Emulator) -> Import:
    return Import(pulumi_agin, emulator)


@pytest.fixture
def cli(tmp_path: Path) -> StubCli:
    """A stub of `pulumi`, which does not exist until it gets a stack."""
    return StubCli(tmp_path)


def resource(name: str, id_: str, **values: Any) -> dict[str, Any]:
    return {"type": TYPE, "urn": f"urn:pulumi:dev::test::{TYPE}::{name}", "id": id_, **values}


def provider(api_key: object = None, urn: str = PROVIDER) -> dict[str, Any]:
    inputs = {"agin:apiKey": api_key} if api_key else {}
    return {"type": "pulumi:providers:pulumi-python", "urn": urn, "id": "1-2", "inputs": inputs}


def test_file_has_what_a_create_leaves_in_the_state(create: Create, command: Import, emulator: OddEmulator) -> None:
    id_ = create("connect.acme.com", description="d", certificate_management_policy={"authority": "letsencrypt"})
    emulator.oddities = Oddities(order="shuffled", upper_case=True)
    emulator.clear_requests()
    out, err = command(id_, "--name", "connect")
    assert err == KEY_OF_ENVIRONMENT
    assert emulator.counts() == {"GET /agent_ingresses": 1}
    [stored] = emulator.ingresses()
    inputs = {
        "domain": "connect.acme.com",
        "description": "d",
        "certificate_management_policy": {"authority": "letsencrypt", "private_key_type": "rsa"},
        "__provider": serialize_provider(AgentIngressProvider()),
    }
    outputs = {
        **dict.fromkeys(STRINGS, ""),
        "uri": f"/agent_ingresses/{id_}",
        "ns_targets": sorted(f"{target}." for target in stored["ns_targets"]),
        "region_domains": sorted(stored["region_domains"]),
        "created_at": stored["created_at"],
        "_key_fingerprint": fingerprint(Secret(API_KEY), emulator.url, id_),
    }
    expected = {"type": TYPE, "name": "connect", "id": id_, "inputs": inputs, "outputs": {**outputs, **inputs}}
    assert json.loads(out) == {"nameTable": {}, "resources": [expected]}


def test_parent_and_provider_are_in_the_name_table(create: Create, command: Import, cli: StubCli) -> None:
    id_ = create("connect.acme.com", OTHER_ACCOUNTS_KEY)
    secret = {"4dabf18193072939515e22adb298388d": "1b47", "plaintext": json.dumps(OTHER_ACCOUNTS_KEY)}
    cli.stack([provider(secret)])
    # States append the provider's ID to its URN.
    for urn in (PROVIDER, f"{PROVIDER}::1-2"):
        # The name of the resource must not be a name in the table.
        out, err = command(id_, "--name", "site", "--parent", SITE, "--provider", urn)
        assert err == 'pulumi-agin: the API key is from api_key of the Provider "acct2"\n'
        file = json.loads(out)
        assert file["nameTable"] == {"site-2": SITE, "acct2": PROVIDER}
        assert file["resources"][0].items() >= {"parent": "site-2", "provider": "acct2"}.items()
        assert OTHER_ACCOUNTS_KEY[:8] not in out
    out, _ = command(id_, "--code", "--parent", SITE, "--provider", PROVIDER)
    assert_formatted(out)
    for reference, urn in (("parent", SITE), ("provider", PROVIDER)):
        assert f"            {reference}={reference},  # must be {urn}\n" in out


def test_all_and_filter_select_ingresses_of_the_account(create: Create, command: Import, emulator: Emulator) -> None:
    names = {f"d{number}.acme.com": f"d{number}-acme-com" for number in range(3)}
    for domain in names:
        create(domain, description=domain)
    create("theirs.acme.com", OTHER_ACCOUNTS_KEY)
    emulator.clear_requests()
    assert command.names("--all") == names
    assert emulator.counts() == {"GET /agent_ingresses": 1}
    assert command.names("--filter", 'obj.description == "d1.acme.com"', "--name", "b") == {"d1.acme.com": "b"}


def test_domains_and_ids_select_the_same_ingresses(create: Create, command: Import, emulator: Emulator) -> None:
    a, b = create("a.acme.com"), create("b.acme.com")
    create("theirs.acme.com", OTHER_ACCOUNTS_KEY)
    emulator.clear_requests()
    assert command.names("B.acme.com.") == {"b.acme.com": "b-acme-com"}
    assert emulator.counts() == {"GET /agent_ingresses": 1}
    assert command("a.acme.com", "--name", "connect") == command(a, "--name", "connect")
    assert command(b, "a.acme.com") == command("b.acme.com", "a.acme.com") == command(b, a)
    for twice in (["a.acme.com", a], [a, b, a]):
        assert f"a.acme.com ({a}) is given twice: specify each Agent Ingress once" in command.fails(*twice)
    for others in ([], ["a.acme.com"], [a]):
        err = command.fails(*others, "theirs.acme.com")
        assert (
            "there is no Agent Ingress with the domain or ID theirs.acme.com in the account of the API key from" in err
        )


def test_names_come_from_domains_and_are_unique(create: Create, command: Import, emulator: Emulator) -> None:
    names = {"a.b.com": "a-b-com", "a-b.com": "a-b-com-2", "a-b-com-2": "a-b-com-2-2", "a.b-com": "a-b-com-3"}
    names |= {"*.acme.com": "acme-com", "1.acme.com": "1-acme-com"}
    ids = [create(domain) for domain in names]
    emulator.clear_requests()
    assert command.names(*ids) == names
    assert emulator.counts() == {"GET /agent_ingresses": 1}
    # The oldest comes first.
    assert command.names("--all") == names


ODD_TEXTS = ["""it's "both" and 'more'""", '''"it's"''', "back\\slash\\", "\\'", '\\"', '"""', "{braces} %s $HOME"]
ODD_TEXTS += ["two\nlines\r\n\ttab", "Grüße, 你好, 🚀", "\x00\x1b[2J\x7f\u202eturned\u2028"]


def assert_formatted(program: str) -> None:
    """Asserts that a formatter changes nothing, with long and with short lines."""
    ruff = str(Path(sys.executable).with_name("ruff"))
    for length in ("88", "120"):
        formatter = [ruff, "format", "--isolated", "--diff", "--line-length", length, "-"]
        formatted = subprocess.run(formatter, input=program, capture_output=True, text=True, check=False)
        assert formatted.returncode == 0, formatted.stdout


def executed(program: str, **variables: object) -> dict[str, list[dict[str, Any]]]:
    """Runs a program without an engine. Returns the arguments of the calls of each class, by the name of the class."""
    calls: dict[str, list[dict[str, Any]]] = {"AgentIngress": [], "AgentIngressDelegation": []}

    def recorder(class_: str) -> Callable[..., str]:
        def record(name: str, args: object = None, **arguments: object) -> str:
            calls[class_].append({"name": name, "args": args, **arguments})
            return f"{class_} {name}"

        return record

    with pytest.MonkeyPatch.context() as monkeypatch:
        for class_ in calls:
            monkeypatch.setattr(agin, class_, recorder(class_))
        exec(program, variables)
    return calls


def declared(program: str) -> dict[str, dict[str, Any]]:
    """Returns the inputs of the ingresses that a program declares, by resource name."""
    ingresses = {each["name"]: vars(each["args"]) for each in executed(program)["AgentIngress"]}
    return {name: {each: value for each, value in args.items() if value} for name, args in ingresses.items()}


def test_program_is_formatted_and_declares_what_ngrok_has(create: Create, command: Import) -> None:
    texts = [{"description": text, "metadata": text * 2} for text in ODD_TEXTS]
    policy = {"certificate_management_policy": {"authority": "letsencrypt", "private_key_type": "ecdsa"}}
    inputs: list[dict[str, Any]] = [{}, policy, *texts]
    wanted = {f"d{number}.acme.com": each for number, each in enumerate(inputs)}
    out, err = command(*[create(domain, **each) for domain, each in wanted.items()], "--code")
    assert err == KEY_OF_ENVIRONMENT
    assert_formatted(out)
    # It has no terminal escape sequence.
    assert all(line.isprintable() for line in out.split("\n"))
    assert declared(out) == {domain.replace(".", "-"): {"domain": domain, **each} for domain, each in wanted.items()}


def test_program_protects_ingresses_and_delegations_below_the_parent(create: Create, command: Import) -> None:
    create("connect.acme.com")
    for arguments, variables in (([], {}), (["--parent", SITE], {"parent": "the site"})):
        out, _ = command("--all", "--code", *arguments)
        program = with_delegations(out, "the_adapter")
        assert_formatted(program)
        calls = executed(program, the_adapter="the adapter", **variables)
        [ingress], [delegation] = calls["AgentIngress"], calls["AgentIngressDelegation"]
        for opts in (ingress["opts"], delegation.pop("opts")):
            assert (opts.protect, opts.parent) == (True, variables.get("parent"))
        reference = {"agent_ingress": "AgentIngress connect-acme-com", "dns": "the adapter"}
        assert delegation == {"name": "connect-acme-com", "args": None, **reference}


@pytest.mark.parametrize("odd", ["\n", " ", "\x1b[2K\u202e", "x\n\nimport os; os.abort()  # \"'\\\n"])
def test_names_and_parents_may_have_any_character(odd: str, create: Create, command: Import) -> None:
    arguments = (create("connect.acme.com"), "--name", odd, "--parent", f"{SITE}{odd}")
    file = json.loads(command(*arguments)[0])
    assert file["resources"][0]["name"] == odd
    [(variable, urn)] = file["nameTable"].items()
    assert re.fullmatch("site[A-Za-z0-9_-]*", variable)
    assert urn == f"{SITE}{odd}"
    out, _ = command(*arguments, "--code")
    assert all(line.isprintable() for line in out.split("\n"))
    [ingress] = executed(out, parent="the parent")["AgentIngress"]
    assert (ingress["name"], ingress["opts"].parent) == (odd, "the parent")


def test_ingress_of_another_resource_is_rejected(create: Create, command: Import, cli: StubCli) -> None:
    id_ = create("connect.acme.com")
    cli.stack([resource("old", id_)])
    err = command.fails(id_, "--name", "new", "--parent", STACK)
    assert f"connect.acme.com ({id_}) is already in the stack as urn:pulumi:dev::test::{TYPE}::old. If you" in err
    assert "ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)])" in err
    command.fails(id_, "--name", "old", "--parent", SITE)
    # A resource of the plugin is a different one, even with the same name.
    urn = f"urn:pulumi:dev::test::{NATIVE}::old"
    cli.stack([resource("old", id_, type=NATIVE, urn=urn)])
    err = command.fails(id_, "--name", "old", "--language", "python")
    assert err.endswith(f"\npulumi state delete --yes --force {urn}\n")
    cli.stack([resource("old", id_, delete=True)])
    pending = (
        ", which is pending deletion: to finish that, run this with the domain that replaced this one\npulumi up\n"
    )
    assert command.fails(id_, "--name", "old").endswith(pending)
    # This one is only read by the stack.
    cli.stack([resource("old", id_, external=True)])
    assert command.names(id_, "--name", "new") == {"connect.acme.com": "new"}


def native_file(command: Import, *arguments: str) -> list[dict[str, str]]:
    """Asserts that a command prints a file for programs in other languages, and says so. Returns its resources."""
    out, err = command(*arguments)
    assert "pulumi-agin: the resources are those of the provider plugin, for other languages than Python" in err
    resources: list[dict[str, str]] = json.loads(out)["resources"]
    assert {each["type"] for each in resources} <= {NATIVE}
    assert_without_key(out)
    return resources


def test_file_is_for_the_language_of_the_stack(create: Create, command: Import, cli: StubCli) -> None:
    id_, new = ("connect.acme.com", "--name", "connect"), create("connect.acme.com")
    expected = [{"type": NATIVE, "name": "connect", "id": new}]
    python, plugin = {"agin:apiKey": API_KEY}, {"agin:apiKey": API_KEY}
    others = resource("other", UNKNOWN_ID), resource("other", UNKNOWN_ID, type=NATIVE)
    in_python = "pulumi-agin: the resources are those of a program in Python (see --language)\n"
    # The runtime of the project, also without a stack.
    for runtime in ("yaml", "{name: nodejs}", "go"):
        cli.stack(runtime=runtime)
        assert native_file(command, *id_) == expected
    cli.write(f"echo 'error: {NO_STACK}' >&2; exit 1")
    assert native_file(command, *id_) == expected
    # The settings are better, and the ingresses best.
    cli.stack(secrets=plugin)
    assert native_file(command, *id_) == expected
    cli.stack([others[1]], secrets=python)
    assert native_file(command, *id_) == expected
    cli.stack([others[0]], secrets=plugin, runtime="yaml")
    out, err = command(*id_)
    assert json.loads(out)["resources"][0]["type"] == TYPE
    assert in_python in err
    # The program has a component in Python.
    cli.stack(secrets=python, runtime="yaml")
    out, err = command(*id_)
    assert json.loads(out)["resources"][0]["type"] == TYPE
    assert in_python in err
    for secrets in (python, python | plugin):
        cli.stack(others, secrets=secrets)
        assert command.names(*id_) == {"connect.acme.com": "connect"}
    cli.stack(others, secrets=python | plugin, runtime="yaml")
    assert native_file(command, *id_) == expected
    # The option decides.
    cli.stack([others[0]], secrets=python)
    assert native_file(command, *id_, "--language", "typescript") == expected
    cli.stack([others[1]], secrets=plugin, runtime="yaml")
    assert command.names(*id_, "--language", "python") == {"connect.acme.com": "connect"}


def test_file_is_for_the_language_of_the_provider(create: Create, command: Import, cli: StubCli) -> None:
    id_ = create("connect.acme.com", OTHER_ACCOUNTS_KEY)
    urn = "urn:pulumi:dev::test::pulumi:providers:agin::default_eu"
    native = {"type": "pulumi:providers:agin", "urn": urn, "id": "1-2", "inputs": {"apiKey": OTHER_ACCOUNTS_KEY}}
    cli.stack([native | {"parent": STACK}, provider(OTHER_ACCOUNTS_KEY), resource("other", UNKNOWN_ID)])
    [entry] = native_file(command, id_, "--provider", urn)
    assert entry == {"type": NATIVE, "name": "connect-acme-com", "id": id_, "provider": "default_eu"}
    assert command.names(id_, "--provider", PROVIDER) == {"connect.acme.com": "connect-acme-com"}
    err = command.fails(id_, "--provider", PROVIDER, "--language", "go")
    assert "use --language or --provider, not both" in err


def test_ingress_of_the_stack_is_not_imported_again_in_another_language(
    create: Create, command: Import, cli: StubCli
) -> None:
    id_ = create("connect.acme.com")
    urn = f"urn:pulumi:dev::test::{NATIVE}::old"
    cli.stack([resource("old", id_, type=NATIVE, urn=urn)], runtime="yaml")
    assert native_file(command, "--all", "--names", write_names(json.dumps({id_: "old"}))) == []
    err = command.fails(id_, "--name", "new")
    assert f"is already in the stack as {urn}. If you imported it under a second name" in err
    assert err.endswith("If it was renamed or moved, specify this URN in `aliases` instead\n")
    cli.stack([resource("old", id_)])
    err = command.fails(id_, "--name", "old", "--language", "yaml")
    assert err.endswith("If it was moved from a Python program, specify this URN in `aliases` instead\n")


def test_code_is_only_for_python(create: Create, command: Import, cli: StubCli, emulator: Emulator) -> None:
    create("connect.acme.com")
    emulator.clear_requests()
    cli.stack(runtime="yaml")
    err = command.fails("--all", "--code")
    assert (
        "--code prints a program in Python, but the resources are for another language (see --language and --provider)"
        in err
    )
    assert emulator.requests() == []
    assert declared(command("--all", "--code", "--language", "python")[0]).keys() == {"connect-acme-com"}


def test_all_omits_ingresses_of_the_stack(create: Create, command: Import, cli: StubCli) -> None:
    mine, other = create("mine.acme.com"), create("other.acme.com")
    for name in ("mine", "mine-acme-com"):
        cli.stack([resource(name, mine)])
        out, err = command("--all")
        assert [each["id"] for each in json.loads(out)["resources"]] == [other]
        fact = f"mine.acme.com ({mine}) is already in the stack as urn:pulumi:dev::test::{TYPE}::{name}"
        assert err == f"{KEY_OF_ENVIRONMENT}pulumi-agin: skipped: the Agent Ingress {fact}\n"
    cli.stack([resource("mine-acme-com", mine), resource("x", other)])
    out, err = command("--all")
    assert json.loads(out) == {"nameTable": {}, "resources": []}
    assert err.endswith("pulumi-agin: all of them are already in the stack, so the import file contains no resources\n")
    # What the user names must not be left out.
    err = command.fails("--all", "--names", write_names(json.dumps({other: "new"})))
    assert f"other.acme.com ({other}) is already in the stack as urn:pulumi:dev::test::{TYPE}::x. If you" in err


def test_program_has_comments_about_omitted_ingresses(create: Create, command: Import, cli: StubCli) -> None:
    mine, renamed = create("mine.acme.com"), create("renamed.acme.com")
    # It declares ingresses that the stack has under the same name.
    cli.stack([resource("mine-acme-com", mine), resource("old\n", renamed)])
    out, _ = command("--all", "--code")
    assert_formatted(out)
    fact = f"renamed.acme.com ({renamed}) is already in the stack as urn:pulumi:dev::test::{TYPE}::old"
    assert f"\n# skipped: the Agent Ingress {fact}\n\ningresses = " in out
    assert declared(out) == {"mine-acme-com": {"domain": "mine.acme.com"}}
    # If it declares nothing, the comment is the end.
    cli.stack([resource("old", mine), resource("old2", renamed)])
    out, _ = command("--all", "--code")
    assert_formatted(out)
    assert out.splitlines()[-1].startswith("# skipped: ")


def write_names(content: str) -> str:
    Path("names").write_bytes(content.encode("utf-8", "surrogateescape"))
    return "names"


def test_names_file_selects_and_names_ingresses(create: Create, command: Import, emulator: Emulator) -> None:
    id_, *_ = [create(f"{name}.acme.com") for name in "abcd"]
    emulator.clear_requests()
    names = {id_: "connect", "B.acme.com.": "b, the second", " c.acme.com": "Grüße"}
    # Some programs begin a file with a byte order mark.
    found = command.names("--names", write_names("\ufeff" + json.dumps(names, ensure_ascii=False)))
    assert found == {"a.acme.com": "connect", "b.acme.com": "b, the second", "c.acme.com": "Grüße"}
    assert emulator.counts() == {"GET /agent_ingresses": 1}


def test_names_file_may_name_fewer_or_more_than_selected(create: Create, command: Import) -> None:
    ids = [create(domain) for domain in ("a.acme.com", "b.acme.com", "c.acme.com")]
    # The default name of the first one is given to the second one.
    file = write_names('{"b.acme.com": "a-acme-com", "c.acme.com": "last"}')
    first_two = {"a.acme.com": "a-acme-com-2", "b.acme.com": "a-acme-com"}
    assert command.names("--all", "--names", file) == {**first_two, "c.acme.com": "last"}
    assert command.names(*ids[:2], "--names", file) == first_two


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is malformed: Expecting value: line 1 column 1"),
        ("{}", "contains no Agent Ingress: use {"),
        ('["a.acme.com"]', "contains no Agent Ingress: use {"),
        ("{", "is malformed: Expecting property name enclosed in double quotes: line 1 column 2"),
        ('{"a.acme.com": 1}', "has no name for a.acme.com: it must be a non-empty string"),
        ('{"a.acme.com": " "}', "has no name for a.acme.com: it must be a non-empty string"),
        ('{"a.acme.com": "a", "A.acme.com.": "b"}', "has a.acme.com twice"),
        ('{"a.acme.com": "\udcff"}', "is malformed: 'utf-8' codec can't decode"),
        ("[" * 100_000, "is malformed: "),
    ],
)
def test_invalid_names_file_sends_no_request(content: str, problem: str, command: Import, emulator: Emulator) -> None:
    assert f"pulumi-agin: --names names {problem}" in command.fails("--all", "--names", write_names(content))
    assert emulator.requests() == []


def test_names_file_with_an_unknown_ingress_is_rejected(create: Create, command: Import) -> None:
    id_ = create("a.acme.com")
    file = write_names('{"a.acme.com": "a", "b.acme.com": "b"}')
    for selection in ([], ["--all"], [id_], ["--filter", 'obj.domain == "a.acme.com"']):
        err = command.fails(*selection, "--names", file)
        assert (
            "--names: there is no Agent Ingress with the domain or ID b.acme.com in the account of the API key" in err
        )
    many = {f"d{number}.acme.com": str(number) for number in range(7)}
    assert "d3.acme.com, d4.acme.com and 2 more in the account" in command.fails(
        "--names", write_names(json.dumps(many))
    )
    write_names(json.dumps({id_: "a", "a.acme.com": "b"}))
    for selection in ([], ["--all"]):
        both = command.fails(*selection, "--names", "names")
        assert f"--names: a.acme.com ({id_}) is given twice: specify each Agent Ingress once" in both


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "specify exactly one of domains or IDs, --all or --filter"),
        (["agin_1", "--all"], "specify exactly one of domains or IDs"),
        (["agin_1", "--name", "a", "--names", "f"], "use --name or --names, not both"),
        (["--names", "nowhere.json"], "--names nowhere.json can't be read: No such file or directory"),
        (["../api_keys"], '"../api_keys" is neither the ID of an Agent Ingress nor a domain'),
        (
            ["--names", "names"],
            "an argument without a dot is neither the ID of an Agent Ingress nor a domain; an ID looks like agin_2k5",
        ),
        (["--filter", ""], "--filter is empty; use CEL"),
        (["agin_1", "--name", ""], "--name is empty; set it to a name, or omit it"),
        ([API_KEY], "an argument without a dot is neither the ID of an Agent Ingress nor a domain"),
    ],
)
def test_invalid_arguments_send_no_request(
    arguments: list[str], sentence: str, command: Import, emulator: Emulator
) -> None:
    write_names('{"agin_": "a"}')
    err = command.fails(*arguments)
    assert (sentence in err, err.count("\n"), emulator.requests()) == (True, 1, [])


def test_parent_must_be_a_urn(command: Import, emulator: Emulator) -> None:
    assert command.fails("agin_1", "--parent", f"site\n{SITE}", "--stack", "dev") == (
        f"pulumi-agin: --parent site {SITE} is not a URN such as urn:pulumi:dev::project::acme:index:Site::site; to "
        "print those of the stack, run\npulumi stack --show-urns --stack dev\n"
    )
    assert emulator.requests() == []


def test_selection_must_fit_the_account(create: Create, command: Import) -> None:
    assert "the account of the API key from the environment variable NGROK_API_KEY has no Agent" in command.fails(
        "--all"
    )
    assert f"the domain or ID {UNKNOWN_ID} in the account of the API" in command.fails(UNKNOWN_ID)
    for domain in ("a.acme.com", "b.acme.com"):
        create(domain)
    for known in ([], ["a.acme.com"]):
        assert f"the domain or ID {UNKNOWN_ID} in the account of the API" in command.fails(*known, UNKNOWN_ID)
    assert "has no Agent Ingress that matches the filter: 1 == 2\n" in command.fails("--filter", "1 == 2")
    assert "ngrok responded 400 ERR_NGROK_250" in command.fails("--filter", "obj.")
    write_names('{"a.acme.com": "a", "b.acme.com": "a"}')
    for arguments in (["--all", "--name", "a"], ["--names", "names"]):
        assert "a.acme.com and b.acme.com can't both be named a: two Agent Ingresses" in command.fails(*arguments)


def test_reads_time_out_after_30_seconds(pulumi_agin: Command, create: Create, emulator: Emulator) -> None:
    ids = [create("a.acme.com"), create("b.acme.com")]
    emulator.add_fault("GET", "respond", times=None, status=503)
    for arguments in (ids[:1], ids, ["--all"]):
        clock = Clock()
        with clock.at_work():
            status, _, err = pulumi_agin("import", *arguments, clock=clock)
        assert (status, "(limit: 30 seconds): ngrok responded 503" in err) == (1, True)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "reset_before"}, 1),
        ({"kind": "respond", "status": 500, "body": "<html>"}, 1),
        ({"kind": "respond", "status": 200, "body": "<html>"}, 1),
        ({"kind": "respond", "status": 302}, 2),
    ],
    ids=["no response", "500", "unreadable response", "redirect"],
)
def test_exit_status_is_1_if_a_retry_may_succeed(
    fault: dict[str, Any], status: int, command: Import, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This is shorter than the first pause, so there is no retry.
    monkeypatch.setenv("NGROK_API_TIMEOUT_SECONDS", "0.4")
    emulator.add_fault("GET", times=None, **fault)
    for arguments in ([UNKNOWN_ID], ["--all"]):
        assert command.fails(*arguments, status=status).startswith("pulumi-agin: could not ")


def test_slow_server_can_not_defeat_the_time_limit(pulumi_agin: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGROK_API_TIMEOUT_SECONDS", "0.5")
    with serve(trickle(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n")) as place:
        monkeypatch.setenv("NGROK_API_BASE_URL", f"http://{place}")
        for command, expected in {"import": 1, "doctor": 3}.items():
            status, out, err = pulumi_agin(command, "--all")
            assert status == expected
            # The limit ends the connection, which looks like a failure or like the end of the headers.
            assert re.search("(timed out|the response was not complete) after ", out + err)


def test_odd_ingress_is_skipped_unless_it_is_selected(create: Create, command: Import, emulator: Emulator) -> None:
    odd, good = create("odd.acme.com"), create("good.acme.com")
    emulator.set_ingress(odd, {"ns_targets": [""]})
    problem = f"could not read the Agent Ingress odd.acme.com ({odd}): ngrok's response is invalid: ns_targets: 0: "
    names = write_names(json.dumps({"odd.acme.com": "n1", good: "n2"}))
    for arguments in (["--all"], ["--filter", "true"], ["--names", names], ["--all", "--names", names]):
        out, err = command(*arguments)
        assert [each["id"] for each in json.loads(out)["resources"]] == [good]
        assert err.count(f"pulumi-agin: skipped: {problem}") == 1
    # The stack may have it, so a program without it would delete it.
    assert f"\n# skipped: {problem}" in command("--all", "--code")[0]
    # The others can be selected without it.
    assert "skipped" not in command("good.acme.com")[1]
    for arguments in (["odd.acme.com"], [good, odd], ["--filter", 'obj.domain == "odd.acme.com"']):
        assert command.fails(*arguments, status=1).startswith(f"pulumi-agin: {problem}")


def test_only_the_first_odd_ingresses_are_listed(create: Create, command: Import, emulator: Emulator) -> None:
    good = create("good.acme.com")
    odd = [{"id": f"agin_{number}", "domain": f"d{number}.acme.com"} for number in range(322)]
    listed = {"ingresses": [*emulator.ingresses(), *odd]}
    for options in ([], ["--code"]):
        emulator.add_fault("GET", "respond", status=200, json_body=listed)
        out, err = command("--all", *options)
        assert err.count("skipped: could not read the Agent Ingress ") == 10
        rest = "skipped: 312 more Agent Ingresses, which `pulumi-agin doctor --all --json` lists\n"
        assert rest in err
    assert f"# {rest}" in out
    assert out.count("# skipped: ") == 11
    assert good not in out


def test_key_of_a_provider_must_be_in_the_state(command: Import, cli: StubCli) -> None:
    fails = partial(command.fails, "agin_1", "--provider", PROVIDER)
    assert "the API key of the provider could not be read from the state: pulumi is not on PATH" in fails()
    cli.write("echo >&2; echo 'error: no stack selected' >&2; echo 'the rest' >&2; exit 255")
    assert fails().endswith("could not be read from the state: no stack is selected in this folder\n")
    # The environment's key is not used, because it may belong to another account.
    cli.stack([provider()])
    lacks = f"pulumi-agin: the stack has no provider {PROVIDER} with an API key"
    assert fails() == f"{lacks}: first add it to the program, and run\npulumi up\n"
    cli.stack([provider(), provider("k", f"{PROVIDER}b")])
    assert fails() == f"{lacks}; it has {PROVIDER}b\n"


def test_stack_option_is_passed_to_every_command(create: Create, command: Import, cli: StubCli) -> None:
    id_ = create("connect.acme.com")
    cli.stack(secrets={"agin:apiKey": API_KEY})
    _, err = command(id_, "--stack", "acme/dev")
    assert err == "pulumi-agin: the API key is from the config of the stack acme/dev (agin:apiKey)\n"
    assert len(cli.calls) == 3
    assert all("--stack=acme/dev" in call for call in cli.calls)
    (cli.folder / "state.json").unlink()
    unreadable = "pulumi-agin: the state could not be read: `pulumi stack export` failed: "
    assert command.fails(id_, "--stack", "acme/dev").startswith(unreadable)
    # Without the option, the state is not needed.
    assert command.names(id_) == {"connect.acme.com": "connect-acme-com"}


def test_rejected_key_is_described(command: Import, cli: StubCli) -> None:
    wrong = API_KEY[::-1]
    cli.stack([provider(wrong)], secrets={"agin:apiKey": wrong})
    of_config, of_provider = command.fails("agin_1"), command.fails("agin_1", "--provider", PROVIDER)
    assert "The API key came from the config of the stack dev (agin:apiKey); check that it is a valid" in of_config
    assert 'The API key came from api_key of the Provider "acct2" (refresh and destroy use' in of_provider
    assert wrong[:8] not in of_config + of_provider


def test_stdin_and_stdout_are_utf_8_in_every_locale(create: Create) -> None:
    id_ = create("connect.acme.com", description="Grüße")
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "pulumi_agin.cli", "import", "--names", "-", "--parent", SITE]
    names = json.dumps({id_: "Größe"}, ensure_ascii=False).encode()
    file = subprocess.run(command, input=names, env=environment, capture_output=True, check=True).stdout
    assert file.isascii()
    [found] = json.loads(file)["resources"]
    assert (found["name"], found["inputs"]["description"], found["parent"]) == ("Größe", "Grüße", "site")
    code = subprocess.run([*command, "--code"], input=names, env=environment, capture_output=True, check=True).stdout
    assert 'description="Grüße",' in code.decode()


def test_broken_pipe_exits_1(create: Create, command: Import) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "pulumi_agin.cli", "import", create("connect.acme.com")]
    with os.fdopen(writer, "wb") as out:
        run = subprocess.run(words, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    printed = f"{KEY_OF_ENVIRONMENT}{command.base_url}pulumi-agin: stdout was closed\n"
    assert (run.returncode, run.stderr) == (1, printed)
