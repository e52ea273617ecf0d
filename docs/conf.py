"""The site that `make docs` builds from these pages, and from some docstrings, with Sphinx."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from pulumi_agin.version import VERSION
from sphinx.application import Sphinx
from tools.schema import REPOSITORY

project = "pulumi-agin"
author = "The pulumi-agin authors"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx's name for it
version = release = VERSION

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    # Reads docstrings in Google's style.
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]

html_theme = "furo"
if REPOSITORY:
    html_theme_options = {
        # Each page has a link to its source, and the foot of each page one to the repository.
        "source_repository": REPOSITORY,
        "source_branch": "main",
        "source_directory": "docs/",
        "footer_icons": [
            {
                "name": "the repository",
                "url": REPOSITORY,
                "html": "the repository",
                "class": "",
            }
        ],
    }
pygments_dark_style = "github-dark"
html_title = f"pulumi-agin {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
# No page links to the index, and it is wider than a phone. The search finds the same names.
html_use_index = False
# Otherwise the contents of a page would break the names of attributes, which are long enough without their class.
toc_object_entries_show_parents = "hide"

# For tabs.
myst_enable_extensions = ["colon_fence"]

# Headings are link targets by the names that git hosts give them, so the pages' links work there, too.
myst_heading_anchors = 3

# A name in single backticks, as docstrings have it, is code.
default_role = "code"
# Quotes in the docs are often those of a value, such as "".
smartquotes = False
# Pygments does not know every expression of HCL.
suppress_warnings = ["misc.highlighting_failure"]
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
copybutton_exclude = ".linenos, .gp"


def _show_outside_files(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Shows the paths of files outside of docs/, or links to them in the repository.

    SECURITY.md has a page on the site.
    """

    def replaced(link: re.Match[str]) -> str:
        path = posixpath.normpath(f"docs/{docname}/../{link[2]}")
        if path.startswith("docs/"):
            return link[0]
        if path.startswith("SECURITY.md"):
            return f"[{link[1]}](/{path.replace('SECURITY', 'security')})"
        return (
            f"[{link[1]}]({REPOSITORY}/blob/main/{path})"
            if REPOSITORY
            else f"{link[1]} (`{path}`)"
        )

    source[0] = re.sub(r"\[([^\]]+)\]\((\.\./[^)\s]+)\)", replaced, source[0])


def _add_search_words(_app: Sphinx, _docname: str, source: list[str]) -> None:
    """Makes each word in a comment `<!-- search: … -->` below a heading find that section first.

    By itself, Sphinx's search matches a heading only if the query is at least half of it.
    """

    def entries(comment: re.Match[str]) -> str:
        words = ", ".join(f"! {word}" for word in comment[1].split(", "))
        return f"```{{index}} {words}\n```"

    source[0] = re.sub(
        r"^<!-- search: (.+) -->$", entries, source[0], flags=re.MULTILINE
    )


def _keep_colons(*arguments: Any) -> None:
    """Keeps napoleon from taking the words before a colon, in the text of an attribute, for the attribute's type."""
    _app, kind, _name, _object, _options, lines = arguments
    if kind in ("attribute", "property"):
        # Napoleon drops empty lines at the start, but not this one, which shows as nothing.
        lines.insert(0, "\\ ")


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _show_outside_files)
    app.connect("source-read", _add_search_words)
    # Before napoleon, whose priority is 500.
    app.connect("autodoc-process-docstring", _keep_colons, priority=1)
