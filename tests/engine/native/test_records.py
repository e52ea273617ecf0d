"""NS records at a real BIND by the provider plugin, and the secret of their TSIG key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.native.program import LANGUAGES, RECORDS, Language, NativeProject, Ref, Resource
from tests.engine.test_rfc2136 import DOMAIN, KEY, drift
from tests.support.project import UNCHANGED
from tools.bind import Bind


@pytest.fixture
def bind(tmp_path: Path) -> Iterator[Bind]:
    """A primary server of acme.com."""
    with Bind(tmp_path / "bind", [KEY]) as running:
        yield running


def records(bind: Bind, **changes: object) -> Resource:
    properties = {
        "domain": DOMAIN,
        "zone": "acme.com",
        "nsTargets": ["ns1.x.net."],
        "ttl": 300,
        "server": "127.0.0.1",
        "port": bind.port,
        "tsigKeyName": KEY.name,
        # In clear in the program, it is a secret from there on.
        "tsigSecret": KEY.secret,
    }
    return Resource(RECORDS, {**properties, **changes})


def test_take_over_adopts_what_is_declared_and_refuses_the_rest_in_the_preview(
    project: NativeProject, bind: Bind
) -> None:
    drift(bind, "ns1.x.net.")
    project.write({"records": records(bind, takeOver=True, ttl=60)})
    failed = project.preview(fails=True)
    assert "left alone: ns1.x.net. (TTL 300). The program declares ns1.x.net. (TTL 60)" in failed
    assert "Otherwise, to adopt them, set ttl to 300, or else remove them" in failed
    project.write({"records": records(bind, takeOver=True)})
    assert "they are adopted, and nothing is written there" in project.preview()
    project.up()
    assert UNCHANGED in project.preview()
    project.destroy()
    assert bind.referral(DOMAIN) == []


def test_no_replacement_and_no_renaming_takes_the_records_with_it(project: NativeProject, bind: Bind) -> None:
    # It was needed once, and stayed in the program.
    project.write({"old": records(bind, takeOver=True)})
    project.up()
    project.write({"new": records(bind, takeOver=True)})
    assert "1 deleted" in project.up()
    assert bind.referral(DOMAIN) == ["ns1.x.net."]
    options = {"replaceOnChanges": ["ttl"], "deleteBeforeReplace": True}
    project.write({"new": replace(records(bind, takeOver=True, ttl=60), options=options)})
    assert "1 replaced" in project.up()
    assert bind.referral(DOMAIN) == ["ns1.x.net."]
    project.destroy("--run-program")
    assert bind.referral(DOMAIN) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_life_in_which_the_secret_of_the_key_is_nowhere(
    project: NativeProject, bind: Bind, language: Language
) -> None:
    # Pulumi's own SDK for TypeScript writes the outputs of resources into the most detailed log, secret ones too.
    in_detail = ["-v=9", "--logtostderr"] if language == "yaml" else []

    def write(target: str, **changes: object) -> None:
        changed = records(bind, nsTargets=["ns2.x.net.", target], **changes)
        project.write({"records": changed}, targets=Ref("records.nsTargets"))

    write("NS1.x.net")
    shown = project.up(*in_detail).output
    assert project.outputs() == {"targets": ["ns1.x.net.", "ns2.x.net."]}
    write("ns3.x.net")
    assert "1 updated" in project.up()
    drift(bind, "ns9.x.net.")
    shown += project.refresh(*in_detail).output
    [kept] = project.of_type(RECORDS)
    assert kept["outputs"]["nsTargets"] == ["ns9.x.net."]
    for part in ("inputs", "outputs"):
        assert "ciphertext" in kept[part]["tsigSecret"]
    assert "1 updated" in project.up()
    assert UNCHANGED in project.preview()
    write("ns3.x.net", ttl=-1, tsigSecret=f"{KEY.secret}?")
    failed = project.preview(fails=True)
    assert "property ttl must be a whole number of seconds" in failed
    assert "property tsigSecret must be base64" in failed
    shown += failed.output + project.destroy(*in_detail).output
    # The program itself has it in clear.
    (project.folder / {"yaml": "Pulumi.yaml", "typescript": "index.ts"}[language]).unlink()
    for text in (shown, *project.files().values()):
        assert KEY.secret not in text
