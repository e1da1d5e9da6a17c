"""Writes docs/errors.md, the page of the errors, from the errors themselves: `python docs/errors.py`."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import rapyer.errors
from rapyer.errors import RapyerError
from rapyer_nb.errors import NotebookError
from rapyer_nb.server import EmbeddedServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parent / "errors.md"

_HEAD = """# Errors

Written by `python docs/errors.py` from the errors themselves; do not edit.

Every error that the library raises on purpose is a `RapyerError`, from `rapyer.errors`. Its text says what
went wrong and, after a semicolon, what to do about it. Some are errors of Python, too, so `except KeyError`
catches a `KeyNotFound`. What a value is not allowed to be is said by pydantic, with a `ValidationError`.
"""

_NOTEBOOK = """## In notebooks

These do not stand in the tree: they are about the toolkit, `rapyer_nb`, and not about what is stored. A
notebook shows them in one line, with the cure; `%tb` shows the traceback.
"""


def page() -> str:
    """Return the text of the page."""
    branches = sorted(RapyerError.__subclasses__(), key=lambda error: error.__name__)
    parts = [
        _HEAD,
        f"```text\n{_tree()}\n```\n",
        _entry(RapyerError, "##"),
        *(part for branch in branches if _is_ours(branch) for part in _branch(branch)),
        _NOTEBOOK,
        _entry(NotebookError, "###"),
        _entry(EmbeddedServerError, "###"),
    ]
    return "\n".join(parts).rstrip() + "\n"


def attributes(error: type[Exception]) -> dict[str, str]:
    """Return the attributes that an error adds to those of its base, each with what it is."""
    inherited = {name for base in error.__mro__[1:] for name in _arguments(base)}
    own = {name: text for name, text in _arguments(error).items() if name not in inherited}
    properties = ((name, value) for name, value in vars(error).items() if isinstance(value, property))
    return {**own, **{name: inspect.getdoc(value) or "" for name, value in properties}}


def _tree() -> str:
    """Return the tree as the docstring of `rapyer.errors` draws it; a test compares that with the classes."""
    lines = (inspect.getdoc(rapyer.errors) or "").splitlines()
    return "\n".join(line.removeprefix("    ") for line in lines if line.startswith("    "))


def _branch(error: type[RapyerError]) -> Iterator[str]:
    yield _entry(error, "##")
    yield from (_entry(each, "###") for each in _below(error))


def _below(error: type[RapyerError]) -> Iterator[type[RapyerError]]:
    for child in sorted(filter(_is_ours, error.__subclasses__()), key=lambda each: each.__name__):
        yield child
        yield from _below(child)


def _is_ours(error: type) -> bool:
    return error.__name__ in rapyer.errors.__all__


def _entry(error: type[Exception], level: str) -> str:
    bases = " and ".join(_link(base) for base in error.__bases__)
    added = [f"- `{name}`: {text}" for name, text in attributes(error).items()]
    parts = [f"{level} {error.__name__}", f"Based on {bases}.", _prose(error), "\n".join(added)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _link(base: type) -> str:
    return f"[`{base.__name__}`](#{base.__name__.lower()})" if _is_ours(base) else f"`{base.__name__}`"


def _prose(error: type) -> str:
    return (inspect.getdoc(error) or "").partition("\nArgs:\n")[0].strip()


def _arguments(error: type) -> dict[str, str]:
    block = (inspect.getdoc(error) or "").partition("\nArgs:\n")[2] if "__doc__" in vars(error) else ""
    found = re.finditer(r"^    (\w+): ((?:.*)(?:\n        .*)*)", block, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in (each.groups() for each in found)}


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
