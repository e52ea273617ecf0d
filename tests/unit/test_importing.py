"""`pulumi-agin import` against the emulator: what it prints, and that it prints nothing else where it fails."""

from __future__ import annotations

import ast
import inspect
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin import dns
from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.cli import main
from pulumi_agin.emulator import Emulator
from tests.support.clock import Clock
from tests.support.command import Command
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.states import PROVIDER_IN_STATES
from tests.support.stub_cli import StubCli

TYPE = "pulumi-python:dynamic/agin:AgentIngress"
NATIVE = "agin:index:AgentIngress"
STACK = "urn:pulumi:dev::test::pulumi:pulumi:Stack::test-dev"
SITE = "urn:pulumi:dev::test::acme:index:Site::site"
PROVIDER = "urn:pulumi:dev::test::pulumi:providers:pulumi-python::acct2"
UNKNOWN_ID = "agin_000000000000000000000000000"

# What every command that prints says, too.
OF_ENVIRONMENT = "pulumi-agin: the API key is from the environment variable NGROK_API_KEY\n"
OF_PROVIDER = "pulumi-agin: the API key is from ngrok:apiKey of the provider\n"

AN_INGRESS = {
    "domain": "connect.acme.com",
    "ns_targets": ["ns-1.example.net"],
    "region_domains": [],
    "created_at": "2026-01-02T03:04:05Z",
    "uri": "/agent_ingresses/x",
}

Make = Callable[..., str]


@pytest.fixture(autouse=True)
def environment(settings_of_emulator: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator's URL and key, a folder without a project, and no pulumi on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def make(emulator: Emulator) -> Make:
    """Makes an ingress, in the account of the environment's key unless told otherwise, and gives its id."""

    def made(domain: str, key: str = API_KEY, **inputs: Any) -> str:
        ingress = AgentIngressClient(Secret(key), emulator.url).create({"domain": domain, **inputs})
        emulator.clear_requests()
        return ingress.id

    return made


def says_base_url(emulator: Emulator) -> str:
    return f"pulumi-agin: the base URL is {emulator.url}, from the environment variable NGROK_API_BASE_URL\n"


@pytest.fixture
def command(pulumi_agin: Command, emulator: Emulator) -> Command:
    """`pulumi-agin import`: its status, stdout, and stderr without the base URL, which is the emulator's."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status, out, err = pulumi_agin("import", *arguments)
        return status, out, err.replace(says_base_url(emulator), "")

    return run


@pytest.fixture
def cli(tmp_path: Path) -> StubCli:
    """No `pulumi`, until it is given a stack."""
    return StubCli(tmp_path)


def resource(name: str, id_: str, **values: Any) -> dict[str, Any]:
    return {"type": TYPE, "urn": f"urn:pulumi:dev::test::{TYPE}::{name}", "id": id_, **values}


# -- what is printed --------------------------------------------------------------------------------------


def test_the_file_holds_what_a_create_would_have_left(make: Make, command: Command, emulator: Emulator) -> None:
    id_ = make("connect.acme.com", description="d", certificate_management_policy={"authority": "letsencrypt"})
    emulator.configure(upper_case=True, order="shuffled")
    status, out, err = command(id_, "--name", "connect")
    assert (status, err) == (0, OF_ENVIRONMENT)
    [stored] = emulator.ingresses()
    policy = {"authority": "letsencrypt", "private_key_type": "rsa"}
    provider = json.loads(out)["resources"][0]["inputs"]["__provider"]
    assert provider in PROVIDER_IN_STATES.values()
    fingerprint = AgentIngressClient(Secret(API_KEY)).fingerprint(id_)
    assert json.loads(out) == {
        "nameTable": {},
        "resources": [
            {
                "type": TYPE,
                "name": "connect",
                "id": id_,
                "inputs": {
                    "domain": "connect.acme.com",
                    "description": "d",
                    "certificate_management_policy": policy,
                    "__provider": provider,
                },
                "outputs": {
                    "uri": f"/agent_ingresses/{id_}",
                    "domain": "connect.acme.com",
                    "description": "d",
                    "metadata": "",
                    "certificate_management_policy": policy,
                    "ns_targets": sorted(f"{target.lower()}." for target in stored["ns_targets"]),
                    "region_domains": sorted(domain.lower() for domain in stored["region_domains"]),
                    "created_at": stored["created_at"],
                    "_key_fingerprint": fingerprint,
                    "__provider": provider,
                },
            }
        ],
    }
    assert emulator.counts() == {"GET /agent_ingresses/{id}": 1}


def test_parent_and_provider_are_in_the_name_table(make: Make, command: Command, cli: StubCli) -> None:
    id_ = make("connect.acme.com", OTHER_ACCOUNTS_KEY)
    secret = {"4dabf18193072939515e22adb298388d": "1b47", "plaintext": json.dumps(OTHER_ACCOUNTS_KEY)}
    acct2 = {"type": "pulumi:providers:pulumi-python", "urn": PROVIDER, "id": "1-2", "inputs": {"ngrok:apiKey": secret}}
    cli.stack([acct2])
    # A reference to a provider has its id behind.
    for urn in (PROVIDER, f"{PROVIDER}::1-2"):
        # The name is one that a file without care would take for its own.
        status, out, err = command(id_, "--name", "parent", "--parent", SITE, "--provider", urn)
        assert (status, err) == (0, OF_PROVIDER)
        file = json.loads(out)
        [found] = file["resources"]
        assert file["nameTable"][found["parent"]] == SITE
        assert file["nameTable"][found["provider"]] == PROVIDER
        assert "parent" not in file["nameTable"]
        assert OTHER_ACCOUNTS_KEY[:8] not in out


def test_all_of_the_account_and_no_more_requests_than_pages(make: Make, command: Command, emulator: Emulator) -> None:
    emulator.configure(limit=0)
    ids = [make(f"d{number}.acme.com") for number in range(101)]
    make("theirs.acme.com", OTHER_ACCOUNTS_KEY)
    resources = json.loads(command("--all")[1])["resources"]
    assert sorted(found["id"] for found in resources) == sorted(ids)
    assert emulator.counts() == {"GET /agent_ingresses": 2}


def test_a_filter_is_ngroks(make: Make, command: Command) -> None:
    make("a.acme.com", description="iot")
    make("b.acme.com", description="web")
    status, out, _ = command("--filter", 'obj.description == "web"', "--name", "b")
    assert status == 0
    assert [(found["name"], found["inputs"]["domain"]) for found in json.loads(out)["resources"]] == [
        ("b", "b.acme.com")
    ]


def test_domains_find_ingresses_as_ids_do(make: Make, command: Command, emulator: Emulator) -> None:
    ids = {domain: make(domain) for domain in ("a.acme.com", "b.acme.com", "c.acme.com")}
    make("theirs.acme.com", OTHER_ACCOUNTS_KEY)

    def found(*chosen: str) -> dict[str, str]:
        emulator.clear_requests()
        status, out, err = command(*chosen)
        assert (status, err) == (0, OF_ENVIRONMENT)
        return {each["inputs"]["domain"]: each["id"] for each in json.loads(out)["resources"]}

    assert found("B.acme.com.") == {"b.acme.com": ids["b.acme.com"]}
    assert emulator.counts() == {"GET /agent_ingresses": 1}
    assert found("c.acme.com", "a.acme.com", ids["b.acme.com"]) == ids
    assert command("a.acme.com", "--name", "connect") == command(ids["a.acme.com"], "--name", "connect")

    status, out, err = command("a.acme.com", ids["a.acme.com"])
    assert (status, out) == (2, "")
    assert f"a.acme.com ({ids['a.acme.com']}) is given twice" in err
    for chosen in (["theirs.acme.com"], ["a.acme.com", "theirs.acme.com"], [ids["a.acme.com"], "theirs.acme.com"]):
        status, out, err = command(*chosen)
        assert (status, out) == (2, "")
        assert err == (
            "pulumi-agin: there is no Agent Ingress with the domain theirs.acme.com in the account of the API key from "
            "the environment variable NGROK_API_KEY\n"
        )


def test_names_come_from_domains_and_are_unique(make: Make, command: Command, emulator: Emulator) -> None:
    ids = [make(domain) for domain in ("a.b.com", "a-b.com", "a-b-com-2", "a.b-com", "*.acme.com", "1.acme.com")]
    names = [found["name"] for found in json.loads(command(*ids)[1])["resources"]]
    # All but the first share a list.
    assert emulator.counts() == {"GET /agent_ingresses/{id}": 1, "GET /agent_ingresses": 1}
    assert names == ["a-b-com", "a-b-com-2", "a-b-com-2-2", "a-b-com-3", "acme-com", "1-acme-com"]


def test_the_older_one_keeps_its_name(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [datetime(2030, 1, 1, tzinfo=timezone.utc)]
    with Emulator(api_key=API_KEY, clock=lambda: now[0]) as emulator:
        monkeypatch.setenv("NGROK_API_BASE_URL", emulator.url)
        client = AgentIngressClient(Secret(API_KEY), emulator.url)
        for domain in ("a.b.c", "a-b.c", "a.b-c", "a-b-c"):
            now[0] += timedelta(days=1)
            client.create({"domain": domain})
        resources = json.loads(command("--all")[1])["resources"]
    assert [(found["name"], found["inputs"]["domain"]) for found in resources] == [
        ("a-b-c", "a.b.c"),
        ("a-b-c-2", "a-b.c"),
        ("a-b-c-3", "a.b-c"),
        ("a-b-c-4", "a-b-c"),
    ]


# -- the program ------------------------------------------------------------------------------------------

ODD_TEXTS = (
    "plain",
    'say "hi"',
    "it's",
    """it's "both" and 'more'""",
    '''"it's"''',
    "back\\slash\\",
    "\\'",
    '\\"',
    "two\nlines\r\n\ttab",
    '{"team": "iot", "note": "a\\nb"}',
    "Grüße, 你好, 🚀",
    "\x00\x1b[2J\x7f",
    "\u202eturned\u2028",
    "{braces} %s $HOME `x` #",
    '"""',
    "'''",
)


def assert_formatted(program: str) -> None:
    """A formatter changes nothing, whatever the length of its lines."""
    formatter = [str(Path(sys.executable).with_name("ruff")), "format", "--isolated", "--diff", "-"]
    for length in ("88", "120"):
        formatted = subprocess.run(
            [*formatter, "--line-length", length], input=program, capture_output=True, text=True, check=False
        )
        assert formatted.returncode == 0, formatted.stdout


def test_the_program_is_as_a_formatter_wants_it_and_says_what_ngrok_has(make: Make, command: Command) -> None:
    wanted: list[dict[str, Any]] = [
        {"domain": f"d{number}.acme.com", "description": text, "metadata": f"{text}{text}"}
        for number, text in enumerate(ODD_TEXTS)
    ]
    wanted += [
        {"domain": "bare.acme.com"},
        {
            "domain": "p.acme.com",
            "certificate_management_policy": {"authority": "letsencrypt", "private_key_type": "ecdsa"},
        },
    ]
    ids = [make(**inputs) for inputs in wanted]
    status, out, err = command(*ids, "--code")
    assert (status, err) == (0, OF_ENVIRONMENT)
    assert_formatted(out)
    # Nothing is in it that a terminal would obey.
    assert all(line.isprintable() for line in out.split("\n"))

    imports, *declarations = out.replace("import pulumi_agin as agin\n", "").split("\n\n")
    assert imports == "import pulumi"
    read: list[dict[str, Any]] = []
    for declaration in declarations:
        [assignment] = ast.parse(declaration).body
        assert isinstance(assignment, ast.Assign)
        assert isinstance(assignment.value, ast.Call)
        arguments = {argument.arg or "": argument.value for argument in assignment.value.keywords}
        assert ast.unparse(arguments.pop("opts")) == "pulumi.ResourceOptions(protect=True)"
        policy = arguments.pop("certificate_management_policy", None)
        read.append({name: ast.literal_eval(value) for name, value in arguments.items()})
        if isinstance(policy, ast.Call):
            assert ast.unparse(policy.func) == "agin.AgentIngressCertPolicyArgs"
            read[-1]["certificate_management_policy"] = {
                argument.arg: ast.literal_eval(argument.value) for argument in policy.keywords
            }
    assert read == wanted


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("connect", "connect"),
        ("a b'; rm -rf /", "a_b_rm_rf"),
        ("1st", "ingress_1st"),
        ("class", "class_ingress"),
        ("None", "none"),
        ("pulumi", "pulumi_ingress"),
        ("agin", "agin_ingress"),
        ("parent", "parent_ingress"),
        ("ü", "ingress"),
        ('"\n', "ingress"),
    ],
)
def test_identifiers_are_valid(name: str, identifier: str, make: Make, command: Command) -> None:
    out = command(make("connect.acme.com"), "--code", "--name", name)[1]
    [assignment] = ast.parse(out).body[2:]
    assert isinstance(assignment, ast.Assign)
    assert isinstance(assignment.value, ast.Call)
    assert ast.unparse(assignment.targets[0]) == identifier
    assert ast.literal_eval(assignment.value.args[0]) == name


def test_identifiers_are_unique(make: Make, command: Command) -> None:
    ids = [make(domain) for domain in ("a.b.com", "a-b.com", "a_b.com")]
    out = command(*ids, "--code")[1]
    assert [line.split(" = ")[0] for line in out.splitlines() if " = agin." in line] == [
        "a_b_com",
        "a_b_com_2",
        "a_b_com_3",
    ]


def test_the_program_says_what_is_to_be_filled_in(make: Make, command: Command, cli: StubCli) -> None:
    id_ = make("connect.acme.com")
    inputs = {"ngrok:apiKey": API_KEY, "ngrok:timeoutSeconds": 20}
    acct2 = {"type": "pulumi:providers:pulumi-python", "urn": PROVIDER, "id": "1-2", "inputs": inputs}
    cli.stack([acct2])
    out = command(id_, "--code", "--parent", SITE, "--provider", f"{PROVIDER}::1-2")[1]
    assert f"        parent=parent,  # must be {SITE}\n        provider=provider,  # must be {PROVIDER}\n" in out
    # Without a parent of its own, a resource is the stack's.
    assert "parent" not in command(id_, "--code", "--parent", STACK)[1]


@pytest.mark.parametrize("odd", ["\n", " ", "\x1b[2K\u202e", "x\n\nimport os; os.abort()  # \"'\\\n"])
def test_names_and_parents_can_hold_whatever_the_engine_takes(odd: str, make: Make, command: Command) -> None:
    id_ = make("connect.acme.com")
    asked = (id_, "--name", odd, "--parent", f"{SITE}{odd}")
    status, out, err = command(*asked)
    assert (status, err) == (0, OF_ENVIRONMENT)
    file = json.loads(out)
    assert (file["resources"][0]["name"], file["nameTable"]) == (odd, {f"{SITE}{odd}": f"{SITE}{odd}"})
    status, out, err = command(*asked, "--code")
    assert (status, err) == (0, OF_ENVIRONMENT)
    assert all(line.isprintable() for line in out.split("\n"))
    *_, declaration = ast.parse(out).body
    assert isinstance(declaration, ast.Assign)
    assert isinstance(declaration.value, ast.Call)
    assert ast.literal_eval(declaration.value.args[0]) == odd
    assert f"parent=parent,  # must be {SITE}" in out


def test_what_is_printed_is_the_same_in_every_locale(make: Make, emulator: Emulator) -> None:
    id_ = make("connect.acme.com", description="Grüße")
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "pulumi_agin.cli", "import", id_]
    file = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    assert file.isascii()
    assert json.loads(file)["resources"][0]["inputs"]["description"] == "Grüße"
    code = subprocess.run([*command, "--code"], env=environment, capture_output=True, check=True).stdout
    assert 'description="Grüße",' in code.decode()


# -- what the stack has already ---------------------------------------------------------------------------


def test_what_the_stack_has_under_another_name_is_not_taken_over(make: Make, command: Command, cli: StubCli) -> None:
    id_ = make("connect.acme.com")
    cli.stack([resource("old", id_)])
    status, out, err = command(id_, "--name", "new", "--parent", STACK)
    assert (status, out) == (2, "")
    assert f"connect.acme.com ({id_}) is in the stack already, as urn:pulumi:dev::test::{TYPE}::old. With a" in err
    assert "ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)])" in err
    assert command(id_, "--name", "old", "--parent", SITE)[0] == 2
    # One that is only read is not the stack's.
    # One that is the provider plugin's is another resource, also under the same name.
    plugins = resource("old", id_)
    cli.stack([plugins | {"type": NATIVE, "urn": plugins["urn"].replace(TYPE, NATIVE)}])
    status, out, err = command(id_, "--name", "old")
    assert (status, out) == (2, "")
    # The line stands alone.
    assert err.splitlines()[-1] == f"pulumi state delete --yes --force urn:pulumi:dev::test::{NATIVE}::old"
    cli.stack([resource("old", id_, external=True)])
    assert command(id_, "--name", "new")[0] == 0


def test_what_the_stack_is_about_to_delete_is_not_taken_over(make: Make, command: Command, cli: StubCli) -> None:
    id_ = make("connect.acme.com")
    cli.stack([resource("connect", id_, delete=True)])
    status, out, err = command(id_, "--name", "connect")
    assert (status, out) == (2, "")
    assert "which is still to be deleted: finish that first" in err


def test_all_leaves_out_what_the_stack_has(make: Make, command: Command, cli: StubCli) -> None:
    mine, other = make("mine.acme.com"), make("other.acme.com")
    cli.stack([resource("mine", mine)])
    status, out, err = command("--all")
    assert status == 0
    assert [found["id"] for found in json.loads(out)["resources"]] == [other]
    assert err == (
        f"{OF_ENVIRONMENT}pulumi-agin: left out: the Agent Ingress mine.acme.com ({mine}) is in the stack already, "
        f"as urn:pulumi:dev::test::{TYPE}::mine\n"
    )


def test_the_program_says_what_it_leaves_out(make: Make, command: Command, cli: StubCli) -> None:
    mine, renamed = make("mine.acme.com"), make("renamed.acme.com")
    cli.stack([resource("mine-acme-com", mine), resource("old\n", renamed)])
    status, out, _ = command("--all", "--code")
    assert status == 0
    assert_formatted(out)
    assert out.startswith(
        "import pulumi\nimport pulumi_agin as agin\n\n"
        f"# left out: the Agent Ingress renamed.acme.com ({renamed}) is in the stack already, as "
        f"urn:pulumi:dev::test::{TYPE}::old\n\nmine_acme_com = "
    )
    # Alone, too.
    cli.stack([resource("old", mine), resource("old2", renamed)])
    out = command("--all", "--code")[1]
    assert_formatted(out)
    assert out.count("\n# left out: ") == 2


def test_what_the_stack_has_under_the_same_name_is_left_out_so_that_a_second_run_does_no_harm(
    make: Make, command: Command, cli: StubCli
) -> None:
    mine, other = make("mine.acme.com"), make("other.acme.com")
    cli.stack([resource("mine-acme-com", mine)])
    status, out, err = command("--all")
    assert status == 0
    assert [found["id"] for found in json.loads(out)["resources"]] == [other]
    assert f"left out: the Agent Ingress mine.acme.com ({mine}) is in the stack already, as urn:pulumi:dev" in err
    # The program has to declare it all the same.
    status, out, err = command("--all", "--code")
    assert (status, err) == (0, OF_ENVIRONMENT)
    assert 'domain="mine.acme.com"' in out
    # Pulumi takes an empty list for what it is.
    cli.stack([resource("mine-acme-com", mine), resource("x", other)])
    for arguments in (["--all"], [mine]):
        status, out, err = command(*arguments)
        assert (status, json.loads(out)) == (0, {"nameTable": {}, "resources": []})
        assert err.endswith("pulumi-agin: nothing is left to take over, so the file has no resources\n")


# -- many, with names --------------------------------------------------------------------------------------


def names_of(out: str) -> dict[str, str]:
    """The names in a file, by the domains."""
    return {found["inputs"]["domain"]: found["name"] for found in json.loads(out)["resources"]}


@pytest.fixture
def names_file(tmp_path: Path) -> Callable[[str | bytes], str]:
    """Writes a file with names: its path."""

    def write(content: str | bytes) -> str:
        path = tmp_path / "names"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


NamesFile = Callable[[str | bytes], str]


def test_a_file_says_which_are_taken_over_and_under_which_names(
    make: Make, command: Command, names_file: NamesFile, emulator: Emulator
) -> None:
    id_ = make("a.acme.com")
    for domain in ("b.acme.com", "c.acme.com", "d.acme.com"):
        make(domain)
    wanted = {"a.acme.com": "connect", "b.acme.com": "b, the second", "c.acme.com": "Grüße"}
    quoted = '"b, the second"'
    for content in (
        json.dumps({id_: "connect", "B.acme.com.": "b, the second", " c.acme.com": "Grüße"}),
        f"{id_},connect\nB.ACME.com.,{quoted}\nc.acme.com,Grüße\n",
        f"\ufeffDomain,Name\r\n\r\n{id_}, connect\r\nb.acme.com,{quoted}\r\nc.acme.com ,Grüße",
    ):
        emulator.clear_requests()
        status, out, err = command("--names", names_file(content))
        assert (status, err) == (0, OF_ENVIRONMENT)
        assert names_of(out) == wanted
        assert emulator.counts() == {"GET /agent_ingresses": 1}


def test_a_file_can_name_some_of_what_is_asked_for(make: Make, command: Command, names_file: NamesFile) -> None:
    ids = [make(domain, description=domain[0]) for domain in ("a.acme.com", "b.acme.com", "c.acme.com")]
    # Not even a default name is given twice.
    file = names_file('{"b.acme.com": "a-acme-com", "c.acme.com": "last"}')
    with_b = {"a.acme.com": "a-acme-com-2", "b.acme.com": "a-acme-com"}
    assert names_of(command("--all", "--names", file)[1]) == {**with_b, "c.acme.com": "last"}
    # It may have more names than this command needs.
    assert names_of(command(*ids[:2], "--names", file)[1]) == with_b
    assert names_of(command("--filter", 'obj.description == "c"', "--names", file)[1]) == {"c.acme.com": "last"}


def test_the_names_can_come_from_stdin_and_all_be_in_one_component(make: Make) -> None:
    ids = [make("a.acme.com"), make("b.acme.com")]
    command = [sys.executable, "-m", "pulumi_agin.cli", "import", "--names", "-", "--parent", SITE]
    out = subprocess.run(command, input=f"{ids[0]},a\n{ids[1]},b\n", capture_output=True, text=True, check=True).stdout
    assert names_of(out) == {"a.acme.com": "a", "b.acme.com": "b"}
    assert [found["parent"] for found in json.loads(out)["resources"]] == [SITE, SITE]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "names no Agent Ingress: give {"),
        ("{}", "names no Agent Ingress"),
        ("[]", "is malformed: it is a list; give {"),
        ("{", "is malformed: Expecting property name enclosed in double quotes: line 1 column 2"),
        ('{"a.acme.com": 1}', "is malformed: the name of a.acme.com is not text"),
        ('{"a.acme.com": {"name": "a"}}', "is malformed: the name of a.acme.com is not text"),
        ('{"a.acme.com": " "}', "gives a.acme.com an empty name"),
        ('{"a.acme.com": "a", "A.acme.com.": "b"}', "names a.acme.com twice"),
        ('{"a.acme.com": "a", "b.acme.com": "a"}', "gives a.acme.com and b.acme.com the name a, but no two resources"),
        ("a.acme.com\n", "is malformed: line 1 has 1 column; it must have 2; give {"),
        ("domain,name\na.acme.com,a,b\n", "is malformed: line 2 has 3 columns; it must have 2"),
        ("a.acme.com,\n", "gives a.acme.com an empty name"),
        (",a\n", "has the name a without an id or a domain"),
        ('a.acme.com,"a\n', "is malformed: unexpected end of data"),
        (b"a.acme.com,\xff\n", "is not UTF-8"),
        ("[" * 100_000, "is malformed: it is nested too deeply"),
        ('{"a.acme.com": ' + "9" * 5000 + "}", "is malformed: Exceeds the limit"),
        ("agin_,a\n", 'has "agin_", which is neither an id nor a domain; an id looks like agin_2k5'),
        ('{"../agin_2k5": "a"}', 'has "../agin_2k5", which is neither an id nor a domain'),
        ("agin_2k5 x,a\n", 'has "agin_2k5 x", which is neither an id nor a domain'),
    ],
)
def test_a_file_that_is_wrong_is_refused_before_anything_is_asked(
    content: str | bytes, says: str, command: Command, names_file: NamesFile, emulator: Emulator
) -> None:
    file = names_file(content)
    status, out, err = command("--all", "--names", file)
    assert (status, out) == (2, "")
    assert err.startswith(f"pulumi-agin: --names {file} ")
    assert says in err
    assert err.count("\n") == 1
    assert emulator.requests() == []


def test_a_file_that_names_what_is_not_there(make: Make, command: Command, names_file: NamesFile) -> None:
    id_ = make("a.acme.com")
    make("theirs.acme.com", OTHER_ACCOUNTS_KEY)
    file = names_file('{"a.acme.com": "a", "theirs.acme.com": "b"}')
    for selection in ([], ["--all"], [id_], ["--filter", 'obj.domain == "a.acme.com"']):
        status, out, err = command(*selection, "--names", file)
        assert (status, out) == (2, "")
        assert err == (
            "pulumi-agin: --names names theirs.acme.com, but there is no such Agent Ingress in the account of the API "
            "key from the environment variable NGROK_API_KEY\n"
        )
    many = {f"d{number}.acme.com": str(number) for number in range(7)}
    assert "d3.acme.com, d4.acme.com and 2 more, but" in command("--names", names_file(json.dumps(many)))[2]
    both = names_file(json.dumps({id_: "a", "a.acme.com": "b"}))
    assert "--names names a.acme.com twice, by its id and by its domain" in command("--names", both)[2]


def test_what_a_file_names_is_refused_if_the_stack_has_it_under_another_name(
    make: Make, command: Command, names_file: NamesFile, cli: StubCli
) -> None:
    id_, other = make("a.acme.com"), make("b.acme.com")
    cli.stack([resource("old", id_), resource("also-old", other)])
    status, out, err = command("--all", "--names", names_file(f"{id_},new\n"))
    assert (status, out) == (2, "")
    assert f"a.acme.com ({id_}) is in the stack already, as urn:pulumi:dev::test::{TYPE}::old. With a" in err
    # The other one was not named, so it is only left out.
    status, out, err = command("--all", "--names", names_file(f"{id_},old\n"))
    assert (status, json.loads(out)["resources"]) == (0, [])
    assert f"{TYPE}::also-old\n" in err


# -- delegations ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("adapter", [name for name in dns.__all__ if name.islower() and name != "custom"])
def test_the_delegations_are_as_a_formatter_wants_them_and_as_the_adapter_takes_them(
    adapter: str, make: Make, command: Command, emulator: Emulator
) -> None:
    ids = [make("a.acme.com"), make("dns.acme.com")]
    status, out, err = command(*ids, "--code", "--delegations", adapter)
    assert (status, err) == (0, OF_ENVIRONMENT)
    assert_formatted(out)
    calls = [node for node in ast.walk(ast.parse(out)) if isinstance(node, ast.Call)]
    delegations = [call for call in calls if ast.unparse(call.func) == "agin.AgentIngressDelegation"]
    arguments = [{each.arg: ast.unparse(each.value) for each in call.keywords} for call in delegations]
    assert [each["agent_ingress"] for each in arguments] == ["a_acme_com", "dns_acme_com"]
    adapters = [call for call in calls if ast.unparse(call.func) == f"agin.dns.{adapter}"]
    by_record = adapter in ("dnsimple", "linode", "ovh", "vercel")
    assert len(adapters) == (2 if by_record else 1)
    for call in adapters:
        values = {each.arg or "": ast.unparse(each.value) for each in call.keywords}
        inspect.signature(getattr(dns, adapter)).bind(**values)
        take_over = values.pop("take_over", None)
        if by_record:
            assert take_over in ("record_ids['a.acme.com']", "record_ids['dns.acme.com']")
        else:
            assert take_over == (None if adapter == "external_dns" else "True")
        # What is read from the config is what the comments say must be set.
        keys = {value.partition("('")[2].rstrip("')") for value in values.values()}
        set_ = [line.split()[-1] for line in out.splitlines() if line.startswith("# pulumi config set ")]
        assert keys == {key for key in set_ if not key.endswith("'")}


def test_secrets_and_record_ids_are_secrets_and_record_ids(make: Make, command: Command, emulator: Emulator) -> None:
    id_ = make("a.acme.com")
    out = command(id_, "--code", "--delegations", "rfc2136", "--parent", SITE, "--name", "config")[1]
    assert "# pulumi config set --secret tsigSecret\n" in out
    assert "# pulumi config set port\n" in out
    assert '    port=config.require_int("port"),\n' in out
    assert '    tsig_secret=config.require_secret("tsigSecret"),\n' in out
    # The ingress does not hide the config.
    assert "config_ingress = agin.AgentIngress(" in out
    parent = (
        f"    opts=pulumi.ResourceOptions(\n        protect=True,\n        parent=parent,  # must be {SITE}\n    ),\n"
    )
    assert f"    agent_ingress=config_ingress,\n    dns=dns,\n{parent})\n" in out
    out = command(id_, "--code", "--delegations", "dnsimple")[1]
    [line] = [line for line in out.splitlines() if "config set recordIds" in line]
    [given] = json.loads(shlex.split(line)[-1]).items()
    targets = sorted(f"{target}." for target in emulator.ingresses()[0]["ns_targets"])
    assert given == ("a.acme.com", dict.fromkeys(targets, "ID"))


# -- what is wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give domains or ids of Agent Ingresses, or --all, or --filter: exactly one of the three"),
        (["agin_1", "--all"], "exactly one of the three"),
        (["--all", "--filter", "true"], "exactly one of the three"),
        (["--filter", " "], "--filter is empty"),
        (["agin_1", "agin_2", "agin_1"], "agin_1 is given twice, and no two resources have the same name"),
        (["a.acme.com", "A.acme.com."], "A.acme.com. is given twice, and no two resources have the same name"),
        (["agin_1", "--name", ""], "--name is empty"),
        (["agin_1", "--name", "a", "--names", "f"], "give --name or --names, not both"),
        (["agin_1", "--names", ""], "--names is empty"),
        (["--names", "nowhere.json"], "--names nowhere.json can't be read: No such file or directory"),
        (["agin_1", "--delegations", "aws"], "--delegations works only with --code"),
        (
            ["agin_1", "--code", "--delegations", "custom"],
            "--delegations custom is not an adapter of agin.dns: give aw",
        ),
        (["agin_1", "--stack", " "], "--stack is empty"),
        (["agin_1", "--parent", "site"], "--parent site is not a URN"),
        (["agin_1", "--parent", "urn:pulumi:dev::test::acme:index:Site"], "is not a URN"),
        (["agin_1", "--parent", f"site\n{SITE}"], "is not a URN"),
        (["agin_1", "--provider", "acct2"], "--provider acct2 is not a URN"),
        (["agin_1", "--provider", SITE], "the URN of such a provider contains pulumi:providers:pulumi-python"),
    ],
)
def test_what_is_asked_for_wrongly_is_said_before_anything_is_asked(
    arguments: list[str], says: str, command: Command, emulator: Emulator
) -> None:
    status, out, err = command(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("pulumi-agin: ")
    assert err.count("\n") == 1
    assert says in err
    assert emulator.requests() == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([UNKNOWN_ID], "no such Agent Ingress in the account of the API key from the environment variable NGROK_API"),
        (["--all"], "the account of the API key from the environment variable NGROK_API_KEY has no Agent Ingress\n"),
        (["--filter", 'obj.domain == "x"'], 'no Agent Ingress that matches the filter: obj.domain == "x"\n'),
        (["--filter", "obj."], "ngrok answered 400 ERR_NGROK_250"),
    ],
)
def test_what_is_not_there(arguments: list[str], says: str, command: Command) -> None:
    status, out, err = command(*arguments)
    assert (status, out) == (2, "")
    assert says in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["../api_keys"], '"../api_keys" is neither the id of an Agent Ingress nor a domain'),
        ([UNKNOWN_ID, "rd_2k5okIo7afS6bKA3xNDLRZ9rjqk"], '"rd_2k5okIo7afS6bKA3xNDLRZ9rjqk" is neither the id of an A'),
        (["agin-1"], "an id looks like agin_2k5okIo7afS6bKA3xNDLRZ9rjqk, and a domain like connect.acme.com\n"),
        ([API_KEY], '"[key]" is neither the id of an Agent Ingress nor a domain'),
        (["https://a.acme.com"], '"https://a.acme.com" is neither the id of an Agent Ingress nor a domain'),
    ],
)
def test_what_is_neither_an_id_nor_a_domain_is_refused_before_anything_is_sent(
    arguments: list[str], says: str, command: Command, emulator: Emulator
) -> None:
    status, out, err = command(*arguments)
    assert (status, out) == (2, "")
    assert says in err
    assert emulator.requests() == []


def test_it_gives_up_after_30_seconds(make: Make, emulator: Emulator, capfd: pytest.CaptureFixture[str]) -> None:
    ids = [make("a.acme.com"), make("b.acme.com")]
    emulator.add_fault("GET", "answer", times=None, status=503)
    for arguments in (ids[:1], ids, ["--all"]):
        clock = Clock()
        with clock.at_work():
            assert main(["import", *arguments], clock) == 1
        assert clock.now - 1000 <= 30
        assert "(30 seconds at most): ngrok answered 503" in capfd.readouterr().err


def test_one_that_is_missing_and_nothing_is_printed(make: Make, command: Command) -> None:
    assert command(make("connect.acme.com"), UNKNOWN_ID)[:2] == (2, "")


def test_several_can_not_have_one_name(make: Make, command: Command) -> None:
    ids = [make("a.acme.com"), make("b.acme.com")]
    for asked in (ids, ["--all"], ["--filter", "true"]):
        status, out, err = command(*asked, "--name", "connect")
        assert (status, out) == (2, "")
        assert "2 Agent Ingresses can't all be named connect: no two resources have the same name" in err


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        (
            "NGROK_API_KEY",
            "",
            "there is no ngrok API key: there is no Pulumi project in this folder, and the environment variable NGROK",
        ),
        ("NGROK_API_KEY", "a b", "the API key from the environment variable NGROK_API_KEY contains white space"),
        ("NGROK_API_KEY", API_KEY[::-1], "The API key came from the environment variable NGROK_API_KEY; check that it"),
        ("NGROK_API_BASE_URL", "http://api.ngrok.com", "the base URL from the environment variable NGROK_API_BASE_URL"),
        ("NGROK_API_TIMEOUT_SECONDS", "soon", "the time from the environment variable NGROK_API_TIMEOUT_SECONDS"),
    ],
)
def test_a_wrong_setting_is_named(
    variable: str, value: str, says: str, make: Make, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = make("connect.acme.com")
    monkeypatch.setenv(variable, value)
    status, out, err = command(id_)
    assert (status, out) == (2, "")
    assert says in err


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "reset_before"}, 1),
        ({"kind": "answer", "status": 503}, 1),
        ({"kind": "answer", "status": 429, "json_body": {"status_code": 429, "msg": "slowly"}}, 1),
        ({"kind": "answer", "status": 200, "body": "<html>"}, 1),
        ({"kind": "answer", "status": 302, "headers": {"Location": "https://sso.example"}}, 2),
        ({"kind": "answer", "status": 404, "body": "<html>"}, 2),
        ({"kind": "answer", "status": 403, "json_body": {"status_code": 403, "msg": "no, '{api_key}'"}}, 2),
    ],
    ids=lambda value: str(value.get("status", value["kind"])) if isinstance(value, dict) else "",
)
def test_the_status_tells_what_may_go_better_another_time(
    fault: dict[str, Any],
    status: int,
    make: Make,
    command: Command,
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    id_ = make("connect.acme.com")
    # Less than the first pause, so that nothing is tried again.
    monkeypatch.setenv("NGROK_API_TIMEOUT_SECONDS", "0.4")
    emulator.add_fault("GET", times=None, **fault)
    for arguments in ([id_], ["--all"]):
        said = command(*arguments)
        assert said[:2] == (status, "")
        assert said[2].startswith("pulumi-agin: could not ")
        assert said[2].count("\n") == 1


def test_a_providers_key_can_not_be_had(command: Command, cli: StubCli, emulator: Emulator) -> None:
    def said(pulumi: str | None = None) -> str:
        if pulumi is not None:
            cli.write(pulumi)
        status, out, err = command("agin_1", "--provider", PROVIDER)
        assert (status, out) == (2, "")
        return err

    assert "the API key of the provider could not be taken from the state: pulumi is not on PATH" in said()
    failing = "echo >&2; echo 'error: no stack selected' >&2; echo 'the rest' >&2; exit 255"
    assert said(failing).endswith("`pulumi stack export` failed: no stack selected\n")

    cli.stack([])
    assert "it has none with an API key: run `pulumi up` with the provider first" in said()
    other = {"type": "pulumi:providers:pulumi-python", "urn": f"{PROVIDER}b", "id": "1", "inputs": {}}
    cli.stack([other])
    assert said().endswith("it has none with an API key: run `pulumi up` with the provider first\n")
    cli.stack([{**other, "inputs": {"ngrok:apiKey": "k"}}])
    assert said().endswith(f"has no provider {PROVIDER}; it has {PROVIDER}b\n")
    # The environment's key, which is there, may be another account's.
    cli.stack([{**other, "urn": PROVIDER}])
    assert said().endswith(f"the provider {PROVIDER} has no ngrok:apiKey in the state\n")
    assert emulator.requests() == []


def test_a_stack_that_is_named_is_the_one_that_is_read(make: Make, command: Command, cli: StubCli) -> None:
    id_ = make("connect.acme.com")
    status, out, err = command(id_, "--stack", "acme/dev")
    assert (status, out) == (2, "")
    assert err == "pulumi-agin: the state could not be read: pulumi is not on PATH\n"
    cli.write("echo error: no $1 $2 for $* >&2; exit 255")
    assert "no stack export for stack export " in command(id_, "--stack", "acme/dev")[2]
    assert "--stack=acme/dev" in command(id_, "--stack", "acme/dev")[2]
    assert command(id_)[0] == 0
    cli.stack(secrets={"ngrok:apiKey": API_KEY})
    status, out, err = command(id_, "--stack", "acme/dev")
    assert (status, err) == (0, "pulumi-agin: the API key is from the config of the stack acme/dev (ngrok:apiKey)\n")
    assert all("--stack=acme/dev" in call for call in cli.calls[-3:])


def test_a_refused_key_of_the_stack_config_is_said_to_be_its(make: Make, command: Command, cli: StubCli) -> None:
    cli.stack(secrets={"ngrok:apiKey": API_KEY[::-1]})
    status, out, err = command(make("connect.acme.com"))
    assert (status, out) == (2, "")
    assert err.endswith(
        "The API key came from the config of the stack dev (ngrok:apiKey); check that it is a valid key of your account"
        "\n"
    )
    assert API_KEY[::-1][:8] not in err


def test_a_refused_key_of_a_provider_is_said_to_be_its(command: Command, cli: StubCli) -> None:
    inputs = {"ngrok:apiKey": API_KEY[::-1]}
    cli.stack([{"type": "pulumi:providers:pulumi-python", "urn": PROVIDER, "id": "1", "inputs": inputs}])
    status, out, err = command("agin_1", "--provider", PROVIDER)
    assert (status, out) == (2, "")
    assert "The API key came from ngrok:apiKey of the provider; check that it is a valid key of your account" in err
    assert API_KEY[::-1][:8] not in err


def test_a_base_url_that_is_not_ngroks_is_said(
    make: Make, pulumi_agin: Command, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = make("connect.acme.com")
    assert pulumi_agin("import", id_)[2] == OF_ENVIRONMENT + says_base_url(emulator)
    # A key that somebody has put into the URL is not shown.
    monkeypatch.setenv("NGROK_API_BASE_URL", f"{emulator.url}/{API_KEY}")
    emulator.add_fault("GET", "answer", json_body=AN_INGRESS | {"id": id_}, status=200)
    assert f"the base URL is {emulator.url}/[key], from " in pulumi_agin("import", id_)[2]


def test_nobody_who_reads(make: Make, emulator: Emulator) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "pulumi_agin.cli", "import", make("connect.acme.com")]
    with os.fdopen(writer, "wb") as out:
        run = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert (run.returncode, run.stderr) == (
        1,
        f"{OF_ENVIRONMENT}{says_base_url(emulator)}pulumi-agin: nobody reads what is printed\n",
    )
