"""The pictures of the documentation show what a run shows now."""

from __future__ import annotations

from pathlib import Path

from tools import flow, pictures, terminal

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
OLD = "The picture is out of date: run `make pictures`, and look at what has changed."


def test_the_pictures_show_what_a_run_shows(tmp_path: Path, cli: Path, user_env: Path) -> None:
    run = pictures.run(tmp_path, cli, user_env)

    now = terminal.text_of(terminal.draw(run.lines, pictures.TERMINAL_TITLE))
    # Should an edit leave out what matters, these would be missing.
    assert "5 to create" in now
    assert "the certificate of connect.acme.com is issued, after 4 seconds" in now
    assert "127.0.0.1:53053 answers with the 4 name servers that ngrok wants" in now
    assert (
        terminal.text_of((PICTURES / pictures.TERMINAL).read_text(encoding="utf-8")).splitlines() == now.splitlines()
    ), OLD

    assert flow.arrows_of((PICTURES / pictures.FLOW).read_text(encoding="utf-8")) == flow.arrows(run.resources), OLD
