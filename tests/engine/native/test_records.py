"""NS records at a real BIND by the provider plugin, and the secret of their TSIG key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.native.program import LANGUAGES, RECORDS, Language, NativeProject, Ref, Resource
from tests.engine.project import UNCHANGED
from tests.engine.test_rfc2136 import DOMAIN, KEY, drift
from tools.bind import Bind


@pytest.fixture
def bind(tmp_path: Path) -> Iterator[Bind]:
    """A primary server of acme.com."""
    with Bind(tmp_path / "bind", [KEY]) as running:
        yield running


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_life_in_which_the_secret_of_the_key_is_nowhere(
    project: NativeProject, bind: Bind, language: Language
) -> None:
    # Pulumi's own SDK for TypeScript writes the outputs of resources into the most detailed log, secret ones too.
    in_detail = ["-v=9", "--logtostderr"] if language == "yaml" else []

    def write(target: str, **changes: object) -> None:
        properties = {
            "domain": DOMAIN,
            "zone": "acme.com",
            "nsTargets": ["ns2.x.net.", target],
            "ttl": 300,
            "server": "127.0.0.1",
            "port": bind.port,
            "tsigKeyName": KEY.name,
            # In clear in the program, it is a secret from there on.
            "tsigSecret": KEY.secret,
        }
        project.write({"records": Resource(RECORDS, {**properties, **changes})}, targets=Ref("records.nsTargets"))

    write("NS1.x.net")
    shown = project.up(*in_detail).output
    assert project.outputs() == {"targets": ["ns1.x.net.", "ns2.x.net."]}
    write("ns3.x.net")
    assert "1 updated" in project.up()
    drift(bind, "ns9.x.net.")
    shown += project.refresh(*in_detail).output
    [records] = project.of_type(RECORDS)
    assert records["outputs"]["nsTargets"] == ["ns9.x.net."]
    for part in ("inputs", "outputs"):
        assert "ciphertext" in records[part]["tsigSecret"]
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
