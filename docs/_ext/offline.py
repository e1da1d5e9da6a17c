"""Shows a widget, which lives only where a kernel runs, as the text that stands for it.

The site so needs no scripts of other hosts for them, and shows no form that takes nothing.
"""

from __future__ import annotations

import html
import os
import re
from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

WIDGET = "application/vnd.jupyter.widget-view+json"
_MADE_OF_PARTS = re.compile(
    r"\w+\("
)  # what ipywidgets say of boxes, and of controls without a text of their own


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-read", _still)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _still(app: Sphinx, document: nodes.document) -> None:
    name = app.env.docname
    for bundle in document.findall(nodes.container):
        if bundle.get("nb_element") == "mime_bundle":
            shown = {part["mime_type"]: part for part in bundle.children if isinstance(part, nodes.container)}
            if WIDGET in shown:
                text = shown["text/plain"].astext() if "text/plain" in shown else ""
                shown[WIDGET].children = [_figure(text, os.path.relpath("gallery", os.path.dirname(name)))]
    metadata = getattr(app.env, "nb_metadata", {}).get(name, {})
    metadata.pop("js_files", None)  # the state of the widgets, and the scripts that would draw them


def _figure(text: str, gallery: str) -> nodes.raw:
    said = "live widgets" if _MADE_OF_PARTS.match(text) or not text else text
    body = f"<pre>{html.escape(said)}</pre>"
    note = f'This lives in a notebook; the <a href="{gallery}.html">gallery</a> shows what it looks like.'
    return nodes.raw("", f'<div class="still-widget">{body}<p>{note}</p></div>', format="html")
