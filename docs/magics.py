"""Writes docs/magics.md, the page of the magics, from the magics themselves: `python docs/magics.py`."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from rapyer_nb.magics import MAGICS
from rapyer_nb.magics.description import Description
from rapyer_nb.magics.help import HelpMagic
from rapyer_nb.magics.toolkit import RapyerMagics
from rapyer_nb.magics.topics import TOPICS
from rapyer_nb.settings import PREFIX

if TYPE_CHECKING:
    import argparse

    from rapyer_nb.magics.magic import AsyncMagic

PAGE = Path(__file__).parent / "magics.md"

_HEAD = """# Magics

Written by `python docs/magics.py` from the magics themselves; do not edit.

`%load_ext rapyer_nb` adds them to a notebook or to IPython in a terminal. Then:

- **A magic has a value.** `users = %rapyer_find User` assigns it and shows nothing,
  `users << %rapyer_find User` is the same, `users = << %rapyer_find User` assigns and shows. At the end of a
  cell the value is shown.
- **Lines take variables**: `$name` is the value of a variable, `{limit + 1}` what is worked out of some. They
  are looked up and never evaluated as code.
- **Magics stand anywhere**: at the top of a cell, in `if`, `for`, `def` and `async def`, under `%time`,
  `%%time`, `%timeit` and `%%capture`. They run on the notebook's own event loop, and in an open pipeline
  where there is one; where code cannot wait, as in a `def`, see the option `bridge` below.
- **Tab completes** options and what they take, models, fields, operators, values of Enums and Literals, names
  of connections and snapshots, keys, and behind a `$` variables.
- **The stop button ends them**, also while they wait for the server, ask, or run the body of a cell.
- **Mistakes are one line** that names the cure; `%tb` shows the traceback.
- **`--alias NAME`** lets any call go to another connection than the one in use.
- **Each has an equal in Python**, in `rapyer_nb`, which gives the same value; those that wait for Redis are
  awaited.
"""


def page() -> str:
    """Return the text of the page."""
    parts = [_HEAD, "| magic | what it does | in Python |\n| --- | --- | --- |"]
    parts += [_row(kind) for kind in MAGICS]
    for topic, kinds in TOPICS.items():
        parts += ["", f"## {topic}", *(_entry(kind) for kind in kinds)]
    parts += ["", "## Help", _entry(HelpMagic), "", _config()]
    return "\n".join(parts).rstrip() + "\n"


def _row(kind: type[AsyncMagic]) -> str:
    one = Description.of(kind)
    equals = ", ".join(f"`{name}`" for name in one.equals)
    return f"| [`{one.name}`](#{kind.name}) | {_cell(one.purpose)} | {equals} |"


def _entry(kind: type[AsyncMagic]) -> str:
    one, magic = Description.of(kind), kind()
    arguments = [*magic.arguments.positionals, *dict.fromkeys(magic.arguments.options.values())]
    rows = [f"| {_named(each)} | {_cell((each.help or '').replace('%%', '%'))} |" for each in arguments]
    own = [row for row in rows if not row.startswith("| `--alias NAME` | go to")]
    table = ["", "| argument | what it is |", "| --- | --- |", *own] if own else []
    parts = [
        f'\n### <a id="{kind.name}"></a>{one.name}',
        "",
        one.purpose,
        "",
        _paragraphs(one.text),
        *table,
        "",
        f"```ipython\n{one.examples}\n```",
    ]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts))


def _named(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{_cell(str(action.metavar))}`"
    (name,) = action.option_strings
    values: Any = action.metavar or "\\|".join(map(str, action.choices or ()))
    return f"`{name}`" if action.nargs == 0 else f"`{name} {values}`"


def _paragraphs(text: str) -> str:
    """Return paragraphs, those that are set in as they stand."""
    parts = []
    for part in text.split("\n\n"):
        inset = part.startswith(" ")
        parts.append(f"```text\n{dedent(part)}\n```" if inset else part)
    return "\n\n".join(parts)


def _config() -> str:
    rows = [
        f"| `{name}` | `{trait.default_value!r}` | {_cell(trait.help)} | `{PREFIX}{name.upper()}` |"
        for name, trait in sorted(RapyerMagics.class_own_traits(config=True).items())
    ]
    return "\n".join(
        [
            "## Options of the notebook",
            "",
            "`%config RapyerMagics` shows them, `%config RapyerMagics.display_limit = 50` sets one. They can "
            "also stand in the environment, or in the project's `pyproject.toml`, under `[tool.rapyer_nb]`.",
            "",
            "| option | without | what it does | in the environment |",
            "| --- | --- | --- | --- |",
            *rows,
        ]
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
