"""The pictures of the documentation show what a run shows now."""

from __future__ import annotations

from pathlib import Path

from tools import flow, pictures, pulumi_cli, terminal_picture

OLD = "The picture is out of date: run `make pictures`, and look at what has changed."


def picture(name: str) -> str:
    return (pictures.PICTURES / name).read_text(encoding="utf-8")


def test_the_pictures_show_what_a_run_shows(tmp_path: Path, cli: Path, user_env: Path) -> None:
    run = pictures.run(tmp_path, cli, user_env)

    shown = terminal_picture.text_of(picture(pictures.TERMINAL))
    now = terminal_picture.text_of(terminal_picture.draw(run.lines, pictures.TERMINAL_TITLE))
    # What another version of the CLI prints may differ in what is Pulumi's.
    if pulumi_cli.is_pinned(cli):
        assert shown.splitlines() == now.splitlines(), OLD
    assert "5 to create" in now
    assert "5 created" in now
    assert "certificate    ok       issued" in now

    assert flow.boxes_of(picture(pictures.FLOW)) == flow.BOXES, OLD
    assert flow.arrows_of(picture(pictures.FLOW)) == flow.arrows(run.resources), OLD
