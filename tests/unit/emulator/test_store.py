"""The emulator's file: its content, and errors if it cannot be used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from pulumi_agin.emulator import Emulator, StoreError
from tests.support.emulator import POLICY, Api
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY

LIST = "/agent_ingresses"
FORMAT = "pulumi-agin emulator, version 1"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The path of a file in a separate folder. There is no file yet."""
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "ingresses.json"


@pytest.fixture
def emulator(file: Path) -> Iterator[Emulator]:
    with Emulator(API_KEY, file=file) as emulator:
        yield emulator


def domains_in(file: Path) -> list[str]:
    return [each["domain"] for each in json.loads(file.read_text())["ingresses"]]


def test_file_keeps_ingresses_without_keys(file: Path) -> None:
    with Emulator(API_KEY, file=file) as emulator:
        created = Api(emulator).create(description="dü", certificate_management_policy=POLICY)
        emulator.set_certificate(created["id"], "issued")
        stored = emulator.ingresses()
        shown = Api(emulator).read(created)
    assert API_KEY not in file.read_text()
    assert list(file.parent.iterdir()) == [file]
    with Emulator("another key", other_accounts=[OTHER_ACCOUNTS_KEY], file=file) as emulator:
        assert emulator.ingresses() == stored
        assert Api(emulator, "another key").read(created) == shown
        assert Api(emulator, OTHER_ACCOUNTS_KEY)("GET", created["uri"]).status_code == 404
        emulator.reset()
    assert Emulator(file=file).ingresses() == []


@pytest.mark.parametrize("content", ["", '{"format": "", "ingresses": []}', f'{{"format": "{FORMAT}"}}', "[" * 100_000])
def test_file_with_other_content_is_not_overwritten(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(StoreError, match="is not one that the emulator wrote"):
        Emulator(file=file)
    assert file.read_text() == content


def test_damaged_file_is_rejected(file: Path) -> None:
    with Emulator(API_KEY, file=file) as emulator:
        Api(emulator).create()
    document = json.loads(file.read_text())
    for name, value in (("created_at", "yesterday"), ("id", "agin_?"), ("unknown", 1)):
        [ingress] = document["ingresses"]
        file.write_text(json.dumps({**document, "ingresses": [{**ingress, name: value}]}))
        with pytest.raises(StoreError, match="is not one that the emulator wrote"):
            Emulator(file=file)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "is not a regular file"),
        ("/dev/zero", "is not a regular file"),
        ("nowhere/ingresses.json", "can't be written: No such file or directory"),
    ],
)
def test_unusable_file_is_rejected(file: Path, name: str, problem: str) -> None:
    with pytest.raises(StoreError, match=problem):
        Emulator(file=file.parent / name).start()


def test_failed_save_rolls_the_change_back(emulator: Emulator, api: Api, file: Path) -> None:
    created = api.create(description="ours", certificate_management_policy=POLICY)
    before = emulator.ingresses()
    sentence = f"The file {file} can't be written: No such file or directory. Nothing was changed."
    away = file.parent.rename(file.parent.with_name("away"))
    for method, path, body in (
        ("POST", LIST, {"domain": "b.acme.com"}),
        ("PATCH", created["uri"], {"certificate_management_policy": {**POLICY, "private_key_type": "rsa"}}),
        ("DELETE", created["uri"], None),
    ):
        response = api(method, path, json=body)
        message = f"This is the emulator, not ngrok: it could not save the change. {sentence}"
        assert (response.status_code, response.json()["msg"]) == (500, message)
        assert emulator.ingresses() == before
    for name, arguments in (
        ("set_ingress", {"ingress_id": created["id"], "changes": {"description": "changed"}}),
        ("set_certificate", {"ingress_id": created["id"], "state": "issued"}),
        ("delete_ingress", {"ingress_id": created["id"]}),
        ("reset", {}),
    ):
        response = requests.post(f"{emulator.url}/_emulator/{name}", json=arguments, timeout=20)
        assert (response.status_code, response.json()) == (500, {"error": sentence})
        with pytest.raises(StoreError, match="can't be written"):
            getattr(emulator, name)(**arguments)
        assert emulator.ingresses() == before
    # Requests without a change do not need the file.
    assert api.read(created)["description"] == "ours"
    away.rename(file.parent)
    api.create("b.acme.com")
    assert domains_in(file) == ["connect.acme.com", "b.acme.com"]


def test_symbolic_link_is_not_replaced(file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to(file)
    with Emulator(API_KEY, file=link) as emulator:
        Api(emulator).create()
    assert link.is_symlink()
    assert domains_in(file) == ["connect.acme.com"]


def test_emulators_can_use_a_file_alternately(file: Path) -> None:
    first, second = Emulator(API_KEY, file=file), Emulator(API_KEY, file=file)
    for emulator in (first, second) * 2:
        with emulator:
            # Each has read what the other one created.
            Api(emulator).create(f"{len(emulator.ingresses())}.acme.com")
    assert domains_in(file) == [f"{number}.acme.com" for number in range(4)]
