"""`pulumi-agin import` against the emulator: what it prints, and that it prints nothing else where it fails."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.emulator import Emulator
from tests.conftest import Command
from tests.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.unit.test_public_surface import PROVIDER_IN_STATES

TYPE = "pulumi-python:dynamic/agin:AgentIngress"
NATIVE = "agin:index:AgentIngress"
STACK = "urn:pulumi:dev::test::pulumi:pulumi:Stack::test-dev"
SITE = "urn:pulumi:dev::test::acme:index:Site::site"
PROVIDER = "urn:pulumi:dev::test::pulumi:providers:pulumi-python::acct2"
UNKNOWN_ID = "agin_000000000000000000000000000"

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


@pytest.fixture
def command(pulumi_agin: Command) -> Command:
    """`pulumi-agin import`: its status, stdout and stderr."""
    return partial(pulumi_agin, "import")


def stack(resources: list[dict[str, Any]], folder: Path) -> None:
    """Puts a `pulumi` into the folder whose stack has these resources."""
    state = folder / "state.json"
    state.write_text(json.dumps({"version": 3, "deployment": {"resources": resources}}))
    pulumi = folder / "pulumi"
    pulumi.write_text(f'#!/bin/sh\n[ "$1 $2" = "stack export" ] && exec /bin/cat \'{state}\'\n')
    pulumi.chmod(0o755)


def resource(name: str, id_: str, **values: Any) -> dict[str, Any]:
    return {"type": TYPE, "urn": f"urn:pulumi:dev::test::{TYPE}::{name}", "id": id_, **values}


# -- what is printed --------------------------------------------------------------------------------------


def test_the_file_holds_what_a_create_would_have_left(make: Make, command: Command, emulator: Emulator) -> None:
    id_ = make("connect.acme.com", description="d", certificate_management_policy={"authority": "letsencrypt"})
    emulator.configure(upper_case=True, order="shuffled")
    status, out, err = command(id_, "--name", "connect")
    assert (status, err) == (0, "")
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


def test_parent_and_provider_are_in_the_name_table(make: Make, command: Command, tmp_path: Path) -> None:
    id_ = make("connect.acme.com", OTHER_ACCOUNTS_KEY)
    secret = {"4dabf18193072939515e22adb298388d": "1b47", "plaintext": json.dumps(OTHER_ACCOUNTS_KEY)}
    acct2 = {"type": "pulumi:providers:pulumi-python", "urn": PROVIDER, "id": "1-2", "inputs": {"ngrok:apiKey": secret}}
    stack([acct2], tmp_path)
    # A reference to a provider has its id behind.
    for urn in (PROVIDER, f"{PROVIDER}::1-2"):
        # The name is one that a file without care would take for its own.
        status, out, err = command(id_, "--name", "parent", "--parent", SITE, "--provider", urn)
        assert (status, err) == (0, "")
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


def test_names_come_from_domains_and_are_unique(make: Make, command: Command) -> None:
    ids = [make(domain) for domain in ("a.b.com", "a-b.com", "a-b-com-2", "a.b-com", "*.acme.com", "1.acme.com")]
    names = [found["name"] for found in json.loads(command(*ids)[1])["resources"]]
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
    assert (status, err) == (0, "")
    formatter = [str(Path(sys.executable).with_name("ruff")), "format", "--isolated", "--diff", "-"]
    for length in ("88", "120"):
        formatted = subprocess.run(
            [*formatter, "--line-length", length], input=out, capture_output=True, text=True, check=False
        )
        assert formatted.returncode == 0, formatted.stdout
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


def test_the_program_says_what_is_to_be_filled_in(make: Make, command: Command, tmp_path: Path) -> None:
    id_ = make("connect.acme.com")
    inputs = {"ngrok:apiKey": API_KEY, "ngrok:timeoutSeconds": 20}
    acct2 = {"type": "pulumi:providers:pulumi-python", "urn": PROVIDER, "id": "1-2", "inputs": inputs}
    stack([acct2], tmp_path)
    out = command(id_, "--code", "--parent", SITE, "--provider", f"{PROVIDER}::1-2")[1]
    assert f"        parent=parent,  # fill in: {SITE}\n        provider=provider,  # fill in: {PROVIDER}\n" in out
    # Without a parent of its own, a resource is the stack's.
    assert "parent" not in command(id_, "--code", "--parent", STACK)[1]


@pytest.mark.parametrize("odd", ["\n", " ", "\x1b[2K\u202e", "x\n\nimport os; os.abort()  # \"'\\\n"])
def test_names_and_parents_can_hold_whatever_the_engine_takes(odd: str, make: Make, command: Command) -> None:
    id_ = make("connect.acme.com")
    asked = (id_, "--name", odd, "--parent", f"{SITE}{odd}")
    status, out, err = command(*asked)
    assert (status, err) == (0, "")
    file = json.loads(out)
    assert (file["resources"][0]["name"], file["nameTable"]) == (odd, {f"{SITE}{odd}": f"{SITE}{odd}"})
    status, out, err = command(*asked, "--code")
    assert (status, err) == (0, "")
    assert all(line.isprintable() for line in out.split("\n"))
    *_, declaration = ast.parse(out).body
    assert isinstance(declaration, ast.Assign)
    assert isinstance(declaration.value, ast.Call)
    assert ast.literal_eval(declaration.value.args[0]) == odd
    assert f"parent=parent,  # fill in: {SITE}" in out


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


def test_what_the_stack_has_under_another_name_is_not_taken_over(make: Make, command: Command, tmp_path: Path) -> None:
    id_ = make("connect.acme.com")
    stack([resource("old", id_)], tmp_path)
    status, out, err = command(id_, "--name", "new", "--parent", STACK)
    assert (status, out) == (2, "")
    assert f"connect.acme.com ({id_}) is in the stack already, as urn:pulumi:dev::test::{TYPE}::old. With a" in err
    assert "ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)])" in err
    assert command(id_, "--name", "old", "--parent", SITE)[0] == 2
    # The same again does no harm, and one that is only read is not the stack's.
    assert command(id_, "--name", "old")[0] == 0
    # One that is the provider plugin's is another resource, also under the same name.
    plugins = resource("old", id_)
    stack([plugins | {"type": NATIVE, "urn": plugins["urn"].replace(TYPE, NATIVE)}], tmp_path)
    status, out, err = command(id_, "--name", "old")
    assert (status, out) == (2, "")
    # The line stands alone.
    assert err.splitlines()[-1] == f"pulumi state delete --yes --force urn:pulumi:dev::test::{NATIVE}::old"
    stack([resource("old", id_, external=True)], tmp_path)
    assert command(id_, "--name", "new")[0] == 0


def test_what_the_stack_is_about_to_delete_is_not_taken_over(make: Make, command: Command, tmp_path: Path) -> None:
    id_ = make("connect.acme.com")
    stack([resource("connect", id_, delete=True)], tmp_path)
    status, out, err = command(id_, "--name", "connect")
    assert (status, out) == (2, "")
    assert "which is still to be deleted: finish that first" in err


def test_all_leaves_out_what_the_stack_has(make: Make, command: Command, tmp_path: Path) -> None:
    mine, other = make("mine.acme.com"), make("other.acme.com")
    stack([resource("mine", mine)], tmp_path)
    status, out, err = command("--all")
    assert status == 0
    assert [found["id"] for found in json.loads(out)["resources"]] == [other]
    assert err == (
        f"pulumi-agin: left out: the Agent Ingress mine.acme.com ({mine}) is in the stack already, "
        f"as urn:pulumi:dev::test::{TYPE}::mine\n"
    )
    stack([resource("mine", mine), resource("x", other)], tmp_path)
    assert command("--all") == (2, "", "pulumi-agin: there is nothing to take over: the stack has all 2 already\n")


# -- what is wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give the ids of Agent Ingresses, or --all, or --filter: exactly one of the three"),
        (["agin_1", "--all"], "exactly one of the three"),
        (["--all", "--filter", "true"], "exactly one of the three"),
        (["--filter", " "], "--filter is empty"),
        (["agin_1", "agin_2", "agin_1"], "agin_1 is given twice, and no two resources have the same name"),
        (["agin_1", "--name", ""], "--name is empty"),
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
        (["../api_keys"], '"../api_keys" is not the id of an Agent Ingress'),
        (["rd_1"], "Expected an ID with a prefix of `agin`"),
        ([UNKNOWN_ID], "there is no such Agent Ingress in the account of this key"),
        (["--all"], "the account of this key has no Agent Ingress\n"),
        (["--filter", 'obj.domain == "x"'], 'no Agent Ingress that matches the filter: obj.domain == "x"\n'),
        (["--filter", "obj."], "ngrok answered 400 ERR_NGROK_250"),
    ],
)
def test_what_is_not_there(arguments: list[str], says: str, command: Command) -> None:
    status, out, err = command(*arguments)
    assert (status, out) == (2, "")
    assert says in err


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
            'set the environment variable NGROK_API_KEY, such as with NGROK_API_KEY="$(pulumi config',
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


def test_a_providers_key_can_not_be_had(command: Command, tmp_path: Path, emulator: Emulator) -> None:
    def said(pulumi: str | None = None) -> str:
        if pulumi is not None:
            (tmp_path / "pulumi").write_text(f"#!/bin/sh\n{pulumi}\n")
            (tmp_path / "pulumi").chmod(0o755)
        status, out, err = command("agin_1", "--provider", PROVIDER)
        assert (status, out) == (2, "")
        return err

    assert "the API key of the provider could not be taken from the state: pulumi is not on PATH" in said()
    failing = "echo >&2; echo 'error: no stack selected' >&2; echo 'the rest' >&2; exit 255"
    assert said(failing).endswith("`pulumi stack export` failed: no stack selected\n")

    stack([], tmp_path)
    assert "it has none with an API key: run `pulumi up` with the provider first" in said()
    other = {"type": "pulumi:providers:pulumi-python", "urn": f"{PROVIDER}b", "id": "1", "inputs": {}}
    stack([other], tmp_path)
    assert said().endswith("it has none with an API key: run `pulumi up` with the provider first\n")
    stack([{**other, "inputs": {"ngrok:apiKey": "k"}}], tmp_path)
    assert said().endswith(f"has no provider {PROVIDER}; it has {PROVIDER}b\n")
    # The environment's key, which is there, may be another account's.
    stack([{**other, "urn": PROVIDER}], tmp_path)
    assert said().endswith(f"the provider {PROVIDER} has no ngrok:apiKey in the state\n")
    assert emulator.requests() == []


def test_a_stack_that_is_named_is_the_one_that_is_read(make: Make, command: Command, tmp_path: Path) -> None:
    id_ = make("connect.acme.com")
    status, out, err = command(id_, "--stack", "acme/dev")
    assert (status, out) == (2, "")
    assert err == "pulumi-agin: the state could not be read: pulumi is not on PATH\n"
    (tmp_path / "pulumi").write_text("#!/bin/sh\necho error: no $1 $2 for $* >&2; exit 255\n")
    (tmp_path / "pulumi").chmod(0o755)
    assert "no stack export for stack export " in command(id_, "--stack", "acme/dev")[2]
    assert "--stack=acme/dev" in command(id_, "--stack", "acme/dev")[2]
    assert command(id_)[0] == 0
    stack([], tmp_path)
    assert command(id_, "--stack", "acme/dev")[0] == 0


def test_a_refused_key_of_a_provider_is_said_to_be_its(command: Command, tmp_path: Path) -> None:
    inputs = {"ngrok:apiKey": API_KEY[::-1]}
    stack([{"type": "pulumi:providers:pulumi-python", "urn": PROVIDER, "id": "1", "inputs": inputs}], tmp_path)
    status, out, err = command("agin_1", "--provider", PROVIDER)
    assert (status, out) == (2, "")
    assert "The API key came from ngrok:apiKey of the provider; check that it is a valid key of your account" in err
    assert API_KEY[::-1][:8] not in err


def test_nobody_who_reads(make: Make) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "pulumi_agin.cli", "import", make("connect.acme.com")]
    with os.fdopen(writer, "wb") as out:
        run = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert (run.returncode, run.stderr) == (1, "pulumi-agin: nobody reads what is printed\n")
