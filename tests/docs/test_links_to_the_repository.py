"""Every link to this repository names the place that pyproject.toml names, and something that is there."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.support.pyproject import ROOT, project

REPOSITORY: str = project()["project"]["urls"]["Repository"]
[(OWNER, NAME)] = re.findall(r"^https://github\.com/([\w-]+)/([\w-]+)$", REPOSITORY)

LINK = re.compile(
    # Of the repository, in any spelling, of a file in it, and of the site that is made from it.
    rf"(?P<scheme>[\w+]+://|git@)?(?P<host>(?:www\.)?github\.com|raw\.githubusercontent\.com)[/:](?P<owner>[\w.-]+)/{NAME}"
    rf"(?P<path>[^\s\"'`<>()\[\]]*)|https?://(?P<site>[\w-]+)\.github\.io/{NAME}",
    re.IGNORECASE,
)
# What GitHub has for every repository.
PAGES = ("issues", "issues/new/choose", "security/policy", "security/advisories/new", "releases", "releases/latest")
FILE = re.compile(r"(?:/(?:blob|tree|raw)|)/main/(?P<file>[^#?]+)(?:[#?].*)?")
BADGE = re.compile(r"/actions/workflows/(?P<workflow>[\w.-]+\.yml)(?:/badge\.svg(?:\?.*)?)?")
# As pip and `pulumi package add` take it: the repository at a tag, and the plugin in it.
CLONE = re.compile(r"\.git(?:/plugin)?(?:@v(?:X\.Y\.Z|\d+\.\d+\.\d+))?")
# As programs in Go import the generated SDK.
GO_PACKAGE = re.compile(r"/sdk/go/agin")
RELEASE = re.compile(r"/releases/(?:tag|download)/v(?:X\.Y\.Z|\d+\.\d+\.\d+)(?:/.*)?|/compare/v.*")


def texts() -> list[str]:
    kinds = ["*.md", "*.yml", "*.yaml", "*.toml", "*.cfg", "*.html", "docs/conf.py"]
    listed = subprocess.run(["git", "ls-files", "--", *kinds], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.split()


def mistakes(text: str) -> list[str]:
    """The links in a text that are wrong."""
    found = []
    for link in LINK.finditer(text):
        path = (link["path"] or "").rstrip(".,;:")
        owner = link["owner"] or link["site"]
        is_ours = owner == OWNER and (link["scheme"] or "https://") in ("https://", "git+https://")
        if not (is_ours and (link["site"] or is_there(path))):
            found.append(link[0])
    return found


def is_there(path: str) -> bool:
    if match := FILE.fullmatch(path):
        return (ROOT / match["file"]).exists()
    if match := BADGE.fullmatch(path):
        return (ROOT / ".github" / "workflows" / match["workflow"]).exists()
    is_page = path in ("", "/") or path.strip("/") in PAGES
    return bool(is_page or CLONE.fullmatch(path) or GO_PACKAGE.fullmatch(path) or RELEASE.fullmatch(path))


def test_every_link_to_the_repository_is_right() -> None:
    found = {file: mistakes((ROOT / file).read_text(encoding="utf-8")) for file in texts()}
    assert "README.md" in found
    assert {file: wrong for file, wrong in found.items() if wrong} == {}


def test_every_address_of_the_project_is_in_its_repository_or_its_site() -> None:
    for name, url in project()["project"]["urls"].items():
        assert url.startswith((REPOSITORY, f"https://{OWNER}.github.io/{NAME}")), name


@pytest.mark.parametrize(
    "text",
    [
        f"see https://github.com/somebody-else/{NAME}.",
        f"see [it](http://github.com/{OWNER}/{NAME})",
        f"git@github.com:{OWNER}/{NAME}.git",
        f"<{REPOSITORY}/blob/main/docs/nothing.md>",
        f"![]({REPOSITORY.replace('github.com', 'raw.githubusercontent.com')}/main/docs/nothing.svg)",
        f"{REPOSITORY}/security/advisory/new",
        f"{REPOSITORY}/actions/workflows/nothing.yml/badge.svg",
        f"pip install git+{REPOSITORY}.gti",
        f"https://somebody-else.github.io/{NAME}/",
    ],
)
def test_a_wrong_one_is_found(text: str) -> None:
    assert len(mistakes(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"pip install 'pulumi-agin[aws] @ git+{REPOSITORY}.git@v0.8.0'",
        f"pip install git+{REPOSITORY}",
        f"pulumi package add {REPOSITORY}.git/plugin@vX.Y.Z",
        f"[changes]({REPOSITORY}/blob/main/CHANGELOG.md#070), and {REPOSITORY}/issues.",
        f"{REPOSITORY.replace('github.com', 'raw.githubusercontent.com')}/main/README.md",
        f"{REPOSITORY}/releases/download/v0.8.0/pulumi-resource-agin-v0.8.0.tar.gz",
        "https://github.com/pulumi/pulumi/issues",
    ],
)
def test_a_right_one_is_not(text: str) -> None:
    assert mistakes(text) == []
