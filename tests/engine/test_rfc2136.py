"""NS records at a real BIND, through the real engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.query
import dns.tsig
import dns.update
import pytest

from tests.support.flaky_proxy import Outage, between
from tests.support.project import UNCHANGED, Project, Result
from tools.bind import Bind, Key

DOMAIN = "connect.acme.com"
KEY = Key("agin", [DOMAIN, "other.acme.com"])


@pytest.fixture
def bind(tmp_path: Path) -> Iterator[Bind]:
    """A primary server of acme.com."""
    with Bind(tmp_path / "bind", [KEY]) as running:
        yield running


def write(
    project: Project,
    bind: Bind,
    domain: str = DOMAIN,
    target: str = "ns1.x.net",
    *,
    port: int | None = None,
    seconds: int = 60,
    **others: object,
) -> None:
    """A program with one delegation, at BIND's port or at that of a line to it; a call may take `seconds`."""
    project.program(
        f"""
        import os
        from pulumi_agin.dns.rfc2136_delegation import Rfc2136Delegation

        made = Rfc2136Delegation("connect", domain="{domain}", ns_targets=["ns2.x.net.", "{target}"], ttl=300,
            server="127.0.0.1", port={port or bind.port}, zone="acme.com", tsig_key_name="agin",
            tsig_secret=os.environ["TSIG_SECRET"], **{others!r}, opts=pulumi.ResourceOptions(
                custom_timeouts=pulumi.CustomTimeouts(create="{seconds}s", update="{seconds}s", delete="{seconds}s")))
        pulumi.export("ns_targets", made.ns_targets)
        """
    )
    project.environment["TSIG_SECRET"] = KEY.secret


def drift(bind: Bind, *targets: str) -> None:
    """Somebody else sets the records, or removes them."""
    update = dns.update.UpdateMessage("acme.com", keyring=dns.tsig.Key(KEY.name, KEY.secret, KEY.algorithm))
    update.delete(f"{DOMAIN}.", "NS")
    if targets:
        update.add(f"{DOMAIN}.", 300, "NS", *targets)
    assert dns.query.tcp(update, "127.0.0.1", 5, bind.port).rcode() == 0


def is_nowhere_in_clear(secret: str, project: Project, *results: Result) -> bool:
    """Whether the project's files, its state and what was printed are without the secret."""
    texts = {**project.files(), **{f"output {number}": result.output for number, result in enumerate(results)}}
    assert any("Rfc2136Delegation" in text for name, text in texts.items() if name.startswith("state"))
    return not [name for name, text in texts.items() if secret in text]


def test_from_the_first_up_to_destroy(project: Project, bind: Bind) -> None:
    write(project, bind)
    results = [project.up("--diff")]
    assert bind.referral(DOMAIN) == ["ns1.x.net.", "ns2.x.net."]
    assert "ns_targets: [" in results[0]
    results.append(project.up())
    assert UNCHANGED in results[-1]

    drift(bind, "ns9.x.net.")
    results.append(project.refresh())
    assert "1 updated" in results[-1]
    results.append(project.preview())
    assert '"ns9.x.net." => "ns1.x.net."' in results[-1]
    assert results[-1].output.count(" => ") == 1
    results.append(project.up())
    assert "1 updated" in results[-1]
    assert bind.referral(DOMAIN) == ["ns1.x.net.", "ns2.x.net."]

    # Another name: the new records are there before the old ones go.
    write(project, bind, "other.acme.com")
    assert "1 replaced" in project.up()
    assert (bind.referral("other.acme.com"), bind.referral(DOMAIN)) == (["ns1.x.net.", "ns2.x.net."], [])
    results.append(project.destroy())
    assert bind.referral("other.acme.com") == []
    assert is_nowhere_in_clear(KEY.secret, project, *results)


def test_records_removed_outside_come_back_and_a_rotated_key_reaches_the_state(
    project: Project, tmp_path: Path
) -> None:
    new = Key("new", [DOMAIN])
    with Bind(tmp_path / "bind", [KEY]) as bind:
        write(project, bind)
        project.up()
        drift(bind)
        assert "1 deleted" in project.refresh()
        assert "1 created" in project.up()

        # The server has another key now, and the state still the old one.
        bind.stop()
        bind.keys = [new]
        bind.start()
        failed = project.refresh(fails=True)
        assert 'it refuses the key "agin" (BADKEY)' in failed.diagnostics
        assert "after a change, run `pulumi up` first" in failed.diagnostics
        assert not failed.has_traceback
        text = (project.folder / "__main__.py").read_text()
        (project.folder / "__main__.py").write_text(text.replace('"agin"', '"new"'))
        project.environment["TSIG_SECRET"] = new.secret
        changed = project.up("--diff")
        assert "1 updated" in changed
        assert UNCHANGED in project.refresh()
        assert bind.referral(DOMAIN) == ["ns1.x.net.", "ns2.x.net."]
        for key in (KEY, new):
            assert is_nowhere_in_clear(key.secret, project, failed, changed)


def test_what_is_wrong_is_shown_by_the_preview_and_nothing_is_taken_over(project: Project, bind: Bind) -> None:
    write(project, bind, "acme.com")
    failed = project.preview(fails=True)
    assert "the domain acme.com is the apex of the zone" in failed
    write(project, bind, tsig_algorithm="sha256")
    failed = project.preview(fails=True)
    assert "property tsig_algorithm must be one of hmac-md5" in failed
    write(project, bind)
    project.environment["TSIG_SECRET"] = "no base64, a secret all the same"
    wrong_secret = project.preview(fails=True)
    assert "property tsig_secret must be base64" in wrong_secret
    assert "a secret all the same" not in wrong_secret

    write(project, bind)
    drift(bind, "ns9.x.net.")
    failed = project.up(fails=True)
    assert f"{DOMAIN} has NS records already at 127.0.0.1:{bind.port}, which are left alone: ns9.x.net." in failed
    assert KEY.secret not in failed
    assert not failed.has_traceback
    assert bind.referral(DOMAIN) == ["ns9.x.net."]


# -- a write of unknown outcome ---------------------------------------------------------------------------

OLD = ["ns1.x.net.", "ns2.x.net."]
NEW = ["ns2.x.net.", "ns3.x.net."]


def kept(project: Project) -> dict[str, Any]:
    """The outputs of the delegation in the state."""
    resources = project.state()["deployment"]["resources"]
    [found] = [each for each in resources if each["type"] == "pulumi-python:dynamic/agin:Rfc2136Delegation"]
    outputs: dict[str, Any] = found["outputs"]
    return outputs


def lose(project: Project, outage: Outage, run: Callable[[], Result]) -> Result:
    """An `up` whose update of the records arrives, and of which nobody is told."""
    outage.begin_anew()
    failed = run()
    outage.is_over = True
    assert not failed.has_traceback
    assert is_nowhere_in_clear(KEY.secret, project, failed)
    return failed


def test_the_next_run_settles_what_is_unknown_and_destroy_leaves_none_of_it(project: Project, bind: Bind) -> None:
    outage = Outage()

    def failing_up(**changes: Any) -> Callable[[], Result]:
        write(project, bind, port=port, seconds=2, **changes)
        return lambda: project.up(fails=True)

    def assert_settled(settled: Result, targets: list[str]) -> None:
        assert "_unsettled_ns_targets" not in kept(project)
        assert kept(project)["ns_targets"] == targets
        preview = project.preview()
        assert UNCHANGED in preview
        assert UNCHANGED in project.up()
        assert project.outputs()["ns_targets"] == targets
        assert bind.referral(DOMAIN) == targets
        assert is_nowhere_in_clear(KEY.secret, project, settled, preview)
        assert "_unsettled" not in preview

    with between(bind, outage) as port:
        # A create, which the next `up` settles.
        failed = lose(project, outage, failing_up())
        may_have = f"the server may have ({', '.join(OLD)}): the next `pulumi up` sets the records again"
        assert may_have in failed.diagnostics
        assert bind.referral(DOMAIN) == OLD
        assert (kept(project)["ns_targets"], kept(project)["_unsettled_ns_targets"]) == ([], OLD)
        settled = project.up("--diff")
        assert "_unsettled" not in settled
        assert_settled(settled, OLD)

        # An update, which a refresh settles.
        failed = lose(project, outage, failing_up(target="ns3.x.net"))
        assert "could not update the NS records" in failed
        assert bind.referral(DOMAIN) == NEW
        assert (kept(project)["ns_targets"], kept(project)["_unsettled_ns_targets"]) == (OLD, ["ns3.x.net."])
        # `refresh --diff` lists every output that it changes, the hidden ones too.
        assert_settled(project.refresh("--diff"), NEW)

        # An update, which nothing settles.
        lose(project, outage, failing_up())
        assert (kept(project)["ns_targets"], kept(project)["_unsettled_ns_targets"]) == (NEW, ["ns1.x.net."])
        project.destroy()
    assert bind.referral(DOMAIN) == []


def test_destroy_leaves_no_records_of_a_create_whose_answer_was_lost(project: Project, bind: Bind) -> None:
    outage = Outage()
    with between(bind, outage) as port:
        write(project, bind, port=port, seconds=2)
        lose(project, outage, lambda: project.up(fails=True))
        assert bind.referral(DOMAIN) == OLD
        project.destroy()
    assert bind.referral(DOMAIN) == []


def test_a_create_that_a_look_finds_carried_out_succeeds(project: Project, bind: Bind) -> None:
    outage = Outage(of_looks=False)
    with between(bind, outage) as port:
        write(project, bind, port=port, seconds=2)
        assert "2 created" in project.up()
        outage.is_over = True
        assert UNCHANGED in project.up()


def test_an_up_killed_before_it_wrote_its_state_is_told_of_by_the_next(project: Project, bind: Bind) -> None:
    # What it leaves: records, and a state without them.
    drift(bind, *OLD)
    write(project, bind)
    failed = project.up(fails=True)
    assert f"{DOMAIN} has NS records already at 127.0.0.1:{bind.port}, which are left alone: ns1.x.net." in failed
    assert "an interrupted run may have made them. If another" in failed
    write(project, bind, take_over=True)
    assert "as the program declares them: they are adopted, and nothing is written there" in project.preview()
    project.up()
    project.destroy()
    assert bind.referral(DOMAIN) == []
