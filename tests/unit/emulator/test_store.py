"""The emulator's file: its content, and errors if it cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator, StoreError
from tests.support.emulator import POLICY, Api
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY

LIST = "/agent_ingresses"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The path of a file in a separate folder. There is no file yet."""
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "ingresses.json"


def domains_in(file: Path) -> list[str]:
    return [each["domain"] for each in json.loads(file.read_text())]


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


@pytest.mark.parametrize("content", ["", "{", '{"name": "x"}', '[{"id": "agin_1"}]', '[{"domain": "a.com"}]', "[1]"])
def test_file_with_other_content_is_not_overwritten(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(StoreError, match="is not one that the emulator wrote"):
        Emulator(file=file)
    assert file.read_text() == content


@pytest.mark.parametrize(("name", "problem"), [("", "can't be read"), ("nowhere/ingresses.json", "can't be written")])
def test_unusable_file_is_rejected(file: Path, name: str, problem: str) -> None:
    with pytest.raises(StoreError, match=problem):
        Emulator(file=file.parent / name).start()


@pytest.mark.parametrize(
    ("method", "body"),
    [("POST", {"domain": "b.acme.com"}), ("PATCH", {"description": "new"}), ("DELETE", None)],
)
def test_request_that_cannot_be_saved_changes_nothing(file: Path, method: str, body: Any) -> None:
    with Emulator(API_KEY, file=file) as emulator:
        api = Api(emulator)
        created = api.create(description="ours")
        before = emulator.ingresses()
        away = file.parent.rename(file.parent.with_name("away"))
        response = api(method, LIST if method == "POST" else created["uri"], json=body)
        message = f"This is the emulator: The file {file} can't be written: No such file or directory."
        assert (response.status_code, response.json()["msg"]) == (500, message)
        with pytest.raises(StoreError, match="can't be written"):
            emulator.delete_ingress(created["id"])
        # A request without a change does not need the file.
        assert (emulator.ingresses(), api.read(created)) == (before, created)
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
