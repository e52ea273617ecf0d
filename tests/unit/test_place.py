"""The place of the repository in the README of a release."""

from __future__ import annotations

import pytest

from pulumi_agin.version import VERSION
from tools.place import with_absolute_links
from tools.steps import StepError

PAGE = """\
<img src="docs/pictures/agents.svg">

[Errors][], [a heading](#status), [all](docs/index.md#where-to-go) and [prices](https://ngrok.com/pricing).

[errors]: docs/reference/errors.md
[api key]: https://dashboard.ngrok.com/api-keys
"""


def test_relative_links_and_pictures_become_those_of_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.place.REPOSITORY", "https://github.com/acme/agin")
    at = f"https://github.com/acme/agin/blob/v{VERSION}"
    expected = PAGE.replace("(docs/", f"({at}/docs/").replace(": docs/", f": {at}/docs/")
    expected = expected.replace('"docs/', f'"https://github.com/acme/agin/raw/v{VERSION}/docs/')
    assert with_absolute_links(PAGE) == expected


def test_release_without_a_place_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.place.REPOSITORY", None)
    with pytest.raises(StepError, match=r"pyproject\.toml has no Repository on GitHub in \[project\.urls\]"):
        with_absolute_links(PAGE)
