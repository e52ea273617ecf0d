"""Explicit providers: two accounts in one program, changed keys, and no secret in plain text."""

from __future__ import annotations

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, OTHER_ROTATED_KEY, OURS, THEIRS
from tests.support.ngrok import create
from tests.support.project import Project

ROTATED_KEY = "2rotAbCdEfGhIjKlMnOpQrStUvW_3XyZ9876543210aBcDe"
KEYS = (API_KEY, OTHER_ACCOUNTS_KEY, ROTATED_KEY, OTHER_ROTATED_KEY)
SECRET_TEXT = "hush-hush-hush"

TWO_ACCOUNTS = """
    import os

    # In plain text in the program, it is a secret from there on.
    other = agin.Provider("other", os.environ["OTHERS_KEY"])

    class Site(pulumi.ComponentResource):
        def __init__(self, name, opts=None):
            super().__init__("acme:index:Site", name, None, opts)
            agin.AgentIngress(name, domain=f"{name}.acme.com", opts=pulumi.ResourceOptions(parent=self))

    class Region(pulumi.ComponentResource):
        def __init__(self, name, opts=None):
            super().__init__("acme:index:Region", name, None, opts)
            Site(name, pulumi.ResourceOptions(parent=self))

    agin.AgentIngress("ours", domain="ours.acme.com", description=pulumi.Config().require_secret("description"))
    agin.AgentIngress("theirs", domain="theirs.acme.com", opts=pulumi.ResourceOptions(provider=other))
    Site("ours-inside")
    Site("theirs-inside", pulumi.ResourceOptions(providers=[other]))
    Region("theirs-nested", pulumi.ResourceOptions(providers={"pulumi-python": other}))

    read = agin.AgentIngress.get("read", "ID", pulumi.ResourceOptions(provider=other))
    pulumi.export("read", read.domain)
    """


def test_two_accounts_with_rotated_keys_leak_no_secret(project: Project, emulator: Emulator) -> None:
    detailed = ("-v=9", "--logtostderr")
    # The stack config takes precedence over the environment, even in commands that run no program.
    project.environment |= {"NGROK_API_KEY": "2tst_a_wrong_key", "NGROK_API_BASE_URL": "https://ngrok.invalid"}
    project.config(
        secret={"ngrok:apiKey": API_KEY, "description": SECRET_TEXT},
        plain={"ngrok:apiBaseUrl": emulator.url, "ngrok:timeoutSeconds": 17},
    )
    project.environment["OTHERS_KEY"] = OTHER_ACCOUNTS_KEY
    project.program(TWO_ACCOUNTS.replace("ID", create(emulator, "read.acme.com", OTHER_ACCOUNTS_KEY)))
    shown = project.pulumi("up", "--yes", *detailed).output
    accounts = {ingress["domain"]: ingress["account"] for ingress in emulator.ingresses()}
    assert accounts == {
        "ours.acme.com": OURS,
        "ours-inside.acme.com": OURS,
        "theirs.acme.com": THEIRS,
        "theirs-inside.acme.com": THEIRS,
        "theirs-nested.acme.com": THEIRS,
        "read.acme.com": THEIRS,
    }
    assert project.outputs()["read"] == "read.acme.com"
    # The owner of a repository in which the CLI searches for a plugin could run code on users' machines.
    assert "gatherPackagesFromProgram" in shown
    assert "resource-agin" not in shown
    assert "agin-0." not in shown

    shown += project.refresh(*detailed).output
    [provider] = [each for each in project.state()["deployment"]["resources"] if each["urn"].endswith("::other")]
    [ours] = [each for each in project.resources() if each["urn"].endswith("::ours")]
    for part in ("inputs", "outputs"):
        assert "ciphertext" in provider[part]["ngrok:apiKey"]
        assert "ciphertext" in ours[part]["description"]
    assert SECRET_TEXT in [ingress["description"] for ingress in emulator.ingresses()]

    # New keys of the same accounts. A destroy runs no program, so it uses the old keys.
    for new, old in ((ROTATED_KEY, API_KEY), (OTHER_ROTATED_KEY, OTHER_ACCOUNTS_KEY)):
        emulator.add_key(new, account_of=old)
        emulator.remove_key(old)
    project.config(secret={"ngrok:apiKey": ROTATED_KEY})
    project.environment["OTHERS_KEY"] = OTHER_ROTATED_KEY
    failed = project.destroy("--continue-on-error", fails=True)
    for source in ("ngrok:apiKey in the stack config", 'api_key of the Provider "other"'):
        sentence = f"The API key came from {source} (refresh and destroy use the key of the last `pulumi up`: after"
        assert sentence in failed.diagnostics
    assert failed.diagnostics.count("run `pulumi up` first, or add --run-program)") == 5
    assert not failed.has_traceback
    assert len(emulator.ingresses()) == 6
    shown += failed.output

    emulator.clear_requests()
    up = project.up()
    assert "1 updated" in up
    assert " AgentIngress" not in up
    # A list for each provider, because the keys are new, and the one that is only read.
    assert emulator.counts() == {"GET /agent_ingresses": 2, "GET /agent_ingresses/{id}": 1}
    shown += up.output

    emulator.add_key(API_KEY, account_of=ROTATED_KEY)
    emulator.remove_key(ROTATED_KEY)
    project.config(secret={"ngrok:apiKey": API_KEY})
    shown += project.destroy("--run-program", *detailed).output
    assert [ingress["domain"] for ingress in emulator.ingresses()] == ["read.acme.com"]
    for key in KEYS:
        project.assert_no_key(shown, key)
    for text in (shown, *project.files().values()):
        assert SECRET_TEXT not in text


MOVED = """
    import os

    other = pulumi.ResourceOptions(provider=agin.Provider("other", os.environ["OTHERS_KEY"]))
    ours = pulumi.ResourceOptions(provider=agin.Provider("ours", os.environ["NGROK_API_KEY"]))

    for number in range(5):
        agin.AgentIngress(f"to-other-{number}", domain=f"to-other-{number}.acme.com", opts=DEFAULT_OR_OTHER)
    for number in range(2):
        agin.AgentIngress(f"to-default-{number}", domain=f"to-default-{number}.acme.com", opts=OTHER_OR_DEFAULT)
    agin.AgentIngress("same-account", domain="same-account.acme.com", opts=DEFAULT_OR_OURS)
    """
BEFORE = {"DEFAULT_OR_OTHER": "None", "OTHER_OR_DEFAULT": "other", "DEFAULT_OR_OURS": "None"}
AFTER = {"DEFAULT_OR_OTHER": "other", "OTHER_OR_DEFAULT": "None", "DEFAULT_OR_OURS": "ours"}


def test_move_to_another_accounts_provider_warns_once_for_each_provider(project: Project, emulator: Emulator) -> None:
    project.environment["OTHERS_KEY"] = OTHER_ACCOUNTS_KEY
    project.program(MOVED)
    project.edit(BEFORE)
    project.up()
    project.program(MOVED)
    project.edit(AFTER)
    for moved in (project.pulumi("preview"), project.up()):
        assert "11 unchanged" in moved
        assert moved.diagnostics.count("warning: ") == 2
        for source in ('api_key of the Provider "other"', "the environment variable NGROK_API_KEY"):
            sentence = f". It was last read with another API key than the one from {source}, so it may be in another"
            assert moved.diagnostics.count(sentence) == 1
    # A destroy runs no program, and deletes nothing of another account.
    failed = project.destroy("--target", f"urn:pulumi:dev::test::{project.INGRESS}::to-other-0", fails=True)
    assert ", or use the provider that it had before" in failed.diagnostics

    # Back to the providers that they had before. A new key of theirs is not a reason to warn.
    emulator.add_key(OTHER_ROTATED_KEY, account_of=OTHER_ACCOUNTS_KEY)
    project.environment["OTHERS_KEY"] = OTHER_ROTATED_KEY
    project.program(MOVED)
    project.edit(BEFORE)
    assert "warning: " not in project.preview()
    assert "warning: " not in project.up()
    project.destroy()
    assert emulator.ingresses() == []
