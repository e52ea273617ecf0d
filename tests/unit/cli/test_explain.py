"""`pulumi-agin explain`: the sections of the errors page."""

from __future__ import annotations

from pathlib import Path

from tests.support.command import Command

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "errors.md"


def test_section_is_printed_as_on_the_page(pulumi_agin: Command) -> None:
    status, out, err = pulumi_agin("explain", "taken-domain")
    assert (status, err) == (0, "")
    assert out.startswith("## taken-domain\n\nA domain already has an Agent Ingress, and can have only one.\n\nMess")
    assert out in PAGE.read_text()
    assert "\n## renamed\n" in PAGE.read_text().partition(out)[2]


def test_names_are_listed_with_one_line_each(pulumi_agin: Command) -> None:
    status, out, _ = pulumi_agin("explain")
    assert status == 0
    lines = out.splitlines()
    assert (
        "renamed         A resource was renamed or moved in the program without an alias, so Pulumi would" in lines[1]
    )
    assert all(line.endswith(".") for line in lines)
    # Other headings of the page are no names.
    assert len(lines) == PAGE.read_text().count("\nMessages: ")


def test_unknown_name_exits_2_with_the_likeliest_one(pulumi_agin: Command) -> None:
    for name, end in {
        "taken-domian": 'no error has the name "taken-domian"; did you mean "taken-domain"?\n',
        "x": 'no error has the name "x"; valid names are taken-domain, renamed, ',
        "": 'no error has the name ""; valid names are taken-domain, renamed, ',
    }.items():
        status, out, err = pulumi_agin("explain", name)
        assert (status, out) == (2, "")
        assert end in err
