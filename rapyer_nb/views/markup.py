"""HTML that cannot be got wrong: whatever is not markup already is escaped, control characters too."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

from rapyer_nb.views.brief import printable

if TYPE_CHECKING:
    from collections.abc import Iterable


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(tag: str, *content: str, **attributes: str) -> Markup:
    """Return an element.

    Args:
        tag: Its name.
        content: What it holds, in order; escaped unless it is `Markup`.
        attributes: Its attributes; a trailing underscore is dropped, for `class_`.
    """
    written = "".join(
        f' {name.rstrip("_")}="{html.escape(printable(value))}"' for name, value in sorted(attributes.items())
    )
    return Markup(f"<{tag}{written}>{joined(*content)}</{tag}>")


def joined(*content: str) -> Markup:
    """Return the pieces in a row; escaped unless they are `Markup`."""
    return Markup(
        "".join(piece if isinstance(piece, Markup) else html.escape(printable(piece)) for piece in content)
    )


def lined(lines: Iterable[str]) -> Markup:
    """Return lines as they stand, one below the other; escaped unless they are `Markup`."""
    return element("pre", *(piece for line in lines for piece in (line, Markup("\n"))))


STYLE: Final = Markup(
    """<style>
.rapyer-nb{
--rapyer-back:var(--jp-layout-color1,var(--vscode-editor-background,#fff));
--rapyer-stripe:var(--jp-layout-color2,var(--vscode-editorWidget-background,#f5f5f5));
--rapyer-ink:var(--jp-ui-font-color1,var(--vscode-editor-foreground,#1f1f1f));
--rapyer-faint:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,#5f5f5f));
--rapyer-line:var(--jp-border-color2,var(--vscode-panel-border,#d0d0d0));
color:var(--rapyer-ink);font-size:var(--jp-ui-font-size1,13px);max-width:100%;overflow-x:auto}
@media (prefers-color-scheme:dark){.rapyer-nb{
--rapyer-back:var(--jp-layout-color1,var(--vscode-editor-background,#1e1e1e));
--rapyer-stripe:var(--jp-layout-color2,var(--vscode-editorWidget-background,#2a2a2a));
--rapyer-ink:var(--jp-ui-font-color1,var(--vscode-editor-foreground,#e6e6e6));
--rapyer-faint:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,#a8a8a8));
--rapyer-line:var(--jp-border-color2,var(--vscode-panel-border,#474747))}}
.rapyer-nb table{border:1px solid var(--rapyer-line);border-collapse:collapse;margin:2px 0;
background:var(--rapyer-back);color:inherit;font-size:inherit}
.rapyer-nb caption{text-align:left;padding:2px 0 4px;font-weight:600;color:inherit}
.rapyer-nb.rapyer-nb.rapyer-nb th,.rapyer-nb.rapyer-nb.rapyer-nb td{border:0;
border-bottom:1px solid var(--rapyer-line);padding:3px 10px;text-align:left;vertical-align:top;
max-width:36em;overflow-wrap:break-word;color:inherit;background:none}
.rapyer-nb thead th{background:var(--rapyer-stripe);white-space:nowrap}
.rapyer-nb tbody th{font-weight:500;white-space:nowrap}
.rapyer-nb .rapyer-faint{color:var(--rapyer-faint);font-weight:400}
.rapyer-nb code{background:none;color:inherit;
font-family:var(--jp-code-font-family,monospace);font-size:.95em}
.rapyer-nb p{margin:2px 0}
</style>"""
)
"""The looks, for this output alone: by the variables of Jupyter or VS Code, else plain colours."""
