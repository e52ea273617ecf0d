"""A terminal for the pictures: it runs commands, and draws as SVG what they left on its screen."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree

import pyte
import pyte.graphics
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tools import pseudo_terminal
from tools.steps import StepError

COLUMNS = 102
# More than any command prints, so that nothing leaves the screen.
ROWS = 200

# Each color has a contrast of 4.5:1 or more with the background.
THEME = TerminalTheme(
    background=(0x16, 0x1B, 0x22),
    foreground=(0xE6, 0xED, 0xF3),
    normal=[
        (0x8B, 0x94, 0x9E),
        (0xFF, 0x7B, 0x72),
        (0x56, 0xD3, 0x64),
        (0xE3, 0xB3, 0x41),
        (0x79, 0xC0, 0xFF),
        (0xD2, 0xA8, 0xFF),
        (0x56, 0xD4, 0xDD),
        (0xE6, 0xED, 0xF3),
    ],
)

# Rich's own format loads a font from the web, which pictures in a web page can't.
SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{width}} {{height}}" width="864" role="img">
<title>{title}</title>
<style>
.{{unique_id}}-matrix {{{{
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {{char_height}}px;
}}}}
{{styles}}
</style>
<defs>
<clipPath id="{{unique_id}}-clip-terminal"><rect width="{{terminal_width}}" height="{{terminal_height}}"/></clipPath>
{{lines}}
</defs>
{{chrome}}
<g transform="translate({{terminal_x}}, {{terminal_y}})" clip-path="url(#{{unique_id}}-clip-terminal)">
{{backgrounds}}
<g class="{{unique_id}}-matrix">
{{matrix}}
</g>
</g>
</svg>
"""

Edit = Callable[[bytes], bytes]


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    edit: Edit = lambda printed: printed,
) -> list[Text]:
    """Runs a command in a terminal of its own.

    Args:
        command: The command, which must succeed.
        cwd: The folder to run it in.
        env: Its environment.
        edit: Changes what the command printed, with the escape sequences in it, before the terminal shows it.

    Returns:
        The lines on the screen after the end of the command, without empty ones at the end.

    Raises:
        StepError: The command failed, or took too long.
    """
    status, printed = pseudo_terminal.run(command, columns=COLUMNS, rows=ROWS, cwd=cwd, env=env)
    screen = pyte.Screen(COLUMNS, ROWS)
    pyte.ByteStream(screen).feed(edit(printed))
    lines = [_line(screen, row) for row in range(ROWS)]
    while lines and not lines[-1].plain:
        lines.pop()
    if status != 0:
        shown = "\n".join(line.plain for line in lines)
        raise StepError(f"{command[0]} ended with exit code {status}:\n{shown}")
    return lines


def _line(screen: pyte.Screen, row: int) -> Text:
    line = Text()
    cells = [screen.buffer[row][column] for column in range(COLUMNS)]
    for (color, bold, underline), run in groupby(cells, lambda cell: (cell.fg, cell.bold, cell.underscore)):
        text = "".join(cell.data for cell in run)
        line.append(text, Style(color=_color(color), bold=bold, underline=underline))
    line.rstrip()
    return line


# pyte has the sixteen colors of a terminal by name, or by the value that they have in xterm.
_NAMES = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")
_NUMBERS = {name: number for number, name in enumerate(_NAMES)} | {
    value: number % 8 for number, value in enumerate(pyte.graphics.FG_BG_256[:16])
}


def _color(name: str) -> Color | None:
    if name == "default":
        return None
    # The bright colors are drawn as the others, whose contrast is enough.
    number = _NUMBERS.get(name.removeprefix("bright"))
    return Color.parse(f"#{name}") if number is None else Color.from_ansi(number)


def prompt(command: str) -> Text:
    """Returns the line on which a user types a command."""
    return Text.assemble(("$ ", Style(color=Color.from_ansi(0))), (command, Style(bold=True)))


def draw(lines: Sequence[Text], title: str) -> str:
    """Returns lines of a terminal as SVG. The same lines are always the same SVG.

    Args:
        lines: The lines.
        title: What the picture shows, for those who can't see it.
    """
    console = Console(record=True, width=COLUMNS, file=StringIO(), color_system="truecolor", force_terminal=True)
    for line in lines:
        console.print(line, no_wrap=True, overflow="ignore", crop=False)
    svg = console.export_svg(title="", theme=THEME, code_format=SVG.format(title=title), unique_id="t")
    return re.sub(r"[ \t]+$", "", svg, flags=re.M)


def text_of(svg: str) -> str:
    """Returns the text that a picture of `draw` shows, line by line.

    Args:
        svg: The picture.
    """
    rows: dict[float, str] = {}
    for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        text = (element.text or "").replace("\N{NO-BREAK SPACE}", " ").rstrip("\n")
        row = float(element.attrib["y"])
        width = float(element.attrib["textLength"]) / max(len(element.text or ""), 1)
        rows[row] = rows.get(row, "").ljust(round(float(element.attrib["x"]) / width)) + text
    return "\n".join(rows[row].rstrip() for row in sorted(rows))
