"""Explicit providers through the real engine: two accounts in one program, and keys that change."""

from __future__ import annotations

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, OURS, ROTATED_KEY, THEIRS
from tests.support.project import Project, Result

TWO_ACCOUNTS = """
    import os

    other = agin.Provider("other", os.environ["OTHERS_KEY"])

    class Site(pulumi.ComponentResource):
        def __init__(self, name, opts=None):
            super().__init__("acme:index:Site", name, None, opts)
            agin.AgentIngress(name, domain=f"{name}.acme.com", opts=pulumi.ResourceOptions(parent=self))

    class Region(pulumi.ComponentResource):
        def __init__(self, name, opts=None):
            super().__init__("acme:index:Region", name, None, opts)
            Site(name, pulumi.ResourceOptions(parent=self))

    agin.AgentIngress("ours", domain="ours.acme.com")
    agin.AgentIngress("theirs", domain="theirs.acme.com", opts=pulumi.ResourceOptions(provider=other))
    Site("ours-inside")
    Site("theirs-inside", pulumi.ResourceOptions(providers=[other]))
    Region("theirs-nested", pulumi.ResourceOptions(providers={"pulumi-python": other}))
    """


def in_preview_and_up(project: Project) -> list[Result]:
    """What a preview and an update say that both fail."""
    return [project.preview(fails=True), project.up(fails=True)]


def test_each_ingress_is_in_the_account_of_its_provider_and_the_keys_are_nowhere(
    project: Project, emulator: Emulator
) -> None:
    # In clear in the program, it is a secret from there on.
    project.environment["OTHERS_KEY"] = OTHER_ACCOUNTS_KEY
    project.program(TWO_ACCOUNTS)
    shown = project.preview("-v=9", "--logtostderr").output
    shown += project.up("-v=9", "--logtostderr").output
    assert {ingress["domain"]: ingress["account"] for ingress in emulator.ingresses()} == {
        "ours.acme.com": OURS,
        "ours-inside.acme.com": OURS,
        "theirs.acme.com": THEIRS,
        "theirs-inside.acme.com": THEIRS,
        "theirs-nested.acme.com": THEIRS,
    }
    [provider] = [r for r in project.state()["deployment"]["resources"] if r["urn"].endswith("::other")]
    for part in ("inputs", "outputs"):
        assert "ciphertext" in provider[part].pop("ngrok:apiKey")
        assert provider[part] == {"ngrok:provider": "other"}

    emulator.clear_requests()
    assert "11 unchanged" in project.up()
    assert emulator.requests() == []
    shown += project.refresh("-v=9", "--logtostderr").output
    shown += project.destroy("-v=9", "--logtostderr").output
    assert emulator.ingresses() == []
    for key in (API_KEY, OTHER_ACCOUNTS_KEY):
        project.assert_no_key(shown, key)


def test_a_get_asks_the_account_of_its_provider(project: Project, emulator: Emulator) -> None:
    project.program('pulumi.export("id", agin.AgentIngress("a", domain="connect.acme.com").id)')
    project.up()
    got = f"""
        agin.AgentIngress("a", domain="connect.acme.com")
        got = agin.AgentIngress.get("got", "{project.outputs()["id"]}",
            pulumi.ResourceOptions(provider=agin.Provider("other", pulumi.Output.secret("KEY"))))
        pulumi.export("domain", got.domain)
        """
    project.program(got.replace("KEY", OTHER_ACCOUNTS_KEY))
    for failed in in_preview_and_up(project):
        assert "there is no such Agent Ingress in the account of this key" in failed
        assert not failed.has_traceback
    project.program(got.replace("KEY", API_KEY))
    project.up()
    assert project.outputs()["domain"] == "connect.acme.com"


def test_a_missing_key_is_refused_in_the_program(project: Project) -> None:
    project.program('agin.Provider("other", pulumi.Config().get_secret("missing"))')
    for failed in in_preview_and_up(project):
        assert 'error: api_key of the Provider "other" is empty: an explicit Provider takes no key from' in failed
        assert not failed.has_traceback
        assert "ngrok:apiKey" not in failed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('pulumi.Output.from_input("")', 'api_key of the Provider "other" is empty: an explicit Provider takes no key'),
        ("pulumi.Output.from_input(None)", 'api_key of the Provider "other" is empty: an explicit Provider takes'),
        ('"two words"', 'the API key from api_key of the Provider "other" contains white space: set only the key'),
        (
            '"key", base_url="http://api.ngrok.com"',
            'the base URL from ngrok:apiBaseUrl of the Provider "other" must begin with https://',
        ),
    ],
    ids=["empty", "none", "words", "url"],
)
def test_what_is_known_later_is_judged_in_the_preview_too(
    arguments: str, said: str, project: Project, emulator: Emulator
) -> None:
    project.program(
        f"""
        other = agin.Provider("other", {arguments})
        agin.AgentIngress("a", domain="a.acme.com", opts=pulumi.ResourceOptions(provider=other))
        """
    )
    failed = project.preview(fails=True)
    assert said in failed
    assert not failed.has_traceback
    assert emulator.requests() == []


def test_a_key_that_is_yet_to_be_made_does_not_fail_the_preview(project: Project, emulator: Emulator) -> None:
    project.program(
        f"""
        from pulumi.dynamic import CreateResult, Resource, ResourceProvider

        class Keys(ResourceProvider):
            def create(self, props):
                return CreateResult("1", {{"key": "{OTHER_ACCOUNTS_KEY}"}})

        class Key(Resource):
            key: pulumi.Output[str]
            def __init__(self, name):
                opts = pulumi.ResourceOptions(additional_secret_outputs=["key"])
                super().__init__(Keys(), name, {{"key": None}}, opts)

        other = agin.Provider("other", Key("key").key)
        agin.AgentIngress("a", domain="a.acme.com", opts=pulumi.ResourceOptions(provider=other))
        """
    )
    assert "4 to create" in project.preview()
    project.up()
    assert [ingress["account"] for ingress in emulator.ingresses()] == [THEIRS]
    assert "4 unchanged" in project.up()


# -- keys that change -------------------------------------------------------------------------------------

# Where the key is from, as a part of the program and of the messages.
FROM_STACK_CONFIG = "ngrok:apiKey of the stack config"
FROM_ENVIRONMENT = "the environment variable NGROK_API_KEY"
FROM_PROVIDER = 'api_key of the Provider "p"'


class Keyed:
    """A stack with two ingresses: the key of one is set in one place, and that of the other in a Provider."""

    def __init__(self, source: str, project: Project, emulator: Emulator) -> None:
        self.source, self.project, self.emulator = source, project, emulator
        # The environment must have one anyway, of somebody else's, unless it is what is asked.
        project.environment["NGROK_API_KEY"] = OTHER_ACCOUNTS_KEY
        self.describe("one")
        self.set_key(API_KEY)
        project.up()

    def describe(self, description: str) -> None:
        """Writes a program with this description."""
        self.project.program(
            f"""
            provider = agin.Provider("p", pulumi.Config().require_secret("key"))
            for name, options in (("a", None), ("b", pulumi.ResourceOptions(provider=provider))):
                agin.AgentIngress(name, domain=f"{{name}}.acme.com", description="{description}", opts=options)
            """
        )

    def set_key(self, key: str) -> None:
        """Sets the key in both places."""
        in_config = {"ngrok:apiKey": key} if self.source == FROM_STACK_CONFIG else {}
        self.project.config(secret={"key": key, **in_config})
        if self.source == FROM_ENVIRONMENT:
            self.project.environment["NGROK_API_KEY"] = key

    def rotate(self) -> None:
        """A new key of the same account, and the old one is no more."""
        self.emulator.add_key(ROTATED_KEY, account_of=API_KEY)
        self.emulator.remove_key(API_KEY)
        self.emulator.clear_requests()
        self.set_key(ROTATED_KEY)


@pytest.mark.parametrize("source", [FROM_STACK_CONFIG, FROM_ENVIRONMENT])
def test_a_new_key_is_used_by_the_next_up_and_changes_no_ingress(
    source: str, project: Project, emulator: Emulator
) -> None:
    stack = Keyed(source, project, emulator)
    before = {each["id"] for each in project.resources()}
    stack.rotate()
    up = project.up()
    # Only the Provider is updated, because its key is one of its inputs.
    assert "1 updated" in up
    assert "3 unchanged" in up
    assert "AgentIngress" not in up
    assert emulator.requests() == []
    stack.describe("two")
    assert "2 updated" in project.up()
    assert [seen["method"] for seen in emulator.requests()] == ["PATCH", "PATCH"]
    project.refresh()
    assert {each["id"] for each in project.resources()} == before
    assert [each["description"] for each in emulator.ingresses()] == ["two", "two"]
    project.destroy()
    assert emulator.ingresses() == []


@pytest.mark.parametrize("way", ["run-program", "up"])
def test_a_destroy_with_a_stale_key_says_where_it_is_from_and_what_refreshes_it(
    way: str, project: Project, emulator: Emulator
) -> None:
    stack = Keyed(FROM_STACK_CONFIG, project, emulator)
    stack.rotate()
    failed = project.destroy("--continue-on-error", fails=True)
    for source in (FROM_STACK_CONFIG, FROM_PROVIDER):
        said = f"The API key came from {source} (refresh and destroy use that of the last `pulumi up`: after a change, "
        assert said in failed.diagnostics
    assert failed.diagnostics.count("run `pulumi up` first, or add --run-program)") == 2
    assert not failed.has_traceback
    assert len(emulator.ingresses()) == len(project.resources()) == 2
    if way == "up":
        project.up()
        ended = project.destroy()
    else:
        ended = project.destroy("--run-program")
    assert emulator.ingresses() == []
    assert project.resources() == []
    project.assert_no_key(failed.output + ended.output, ROTATED_KEY)
