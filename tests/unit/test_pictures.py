"""What holds for every picture of the documentation, wherever it is shown."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tools.bind import Key
from tools.demo import API_KEY

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
LARGEST_BYTES = 60_000
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("picture", sorted(PICTURES.iterdir()), ids=lambda picture: picture.name)
def test_a_picture_needs_nothing_and_tells_nothing(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8")
    assert len(text.encode()) <= LARGEST_BYTES

    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    # Those who can't see the picture hear this.
    assert root.attrib["role"] == "img"
    assert root[0].tag == f"{SVG}title"
    assert root[0].text

    # GitHub and package indexes show it as an image, in which neither scripts nor anything from elsewhere is loaded.
    assert not {"script", "image", "foreignObject", "use"} & {element.tag.removeprefix(SVG) for element in root.iter()}
    loading = [value for element in root.iter() for value in element.attrib.values()]
    loading += [element.text or "" for element in root.iter(f"{SVG}style")]
    assert re.findall(r"//|@import|@font-face|url\((?!#)", "\n".join(loading)) == []
    assert "<!DOCTYPE" not in text

    for secret in (API_KEY, Key("agin").secret):
        assert secret not in text
    assert re.findall(r"/(?:home|root|tmp|work|Users|usr)\b", text) == []
