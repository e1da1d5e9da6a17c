"""A Lua script as a value."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import ClassVar


@dataclass(frozen=True)
class Script:
    """A Lua script and the name by which the server knows it.

    Attributes:
        name: The file's name below `rapyer/scripts/lua`, without its ending.
    """

    name: str

    prelude: ClassVar[str | None] = None
    """The file that the script begins with."""

    @cached_property
    def source(self) -> str:
        """The script's text, without comments and indentation: a transaction sends all of it."""
        text = _text_of(self.name)
        return text if self.prelude is None else f"{_text_of(self.prelude)}\n{text}"

    @cached_property
    def sha(self) -> str:
        """The SHA-1 of the text, as EVALSHA takes it."""
        return hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class ValueScript(Script):
    """A script that computes with one stored value, which `value.lua` has read before it begins."""

    prelude = "value"


@dataclass(frozen=True)
class BesideScript(Script):
    """A script that writes keys beside a document, which must not outlast it (`beside.lua`)."""

    prelude = "beside"


@dataclass(frozen=True)
class IndexScript(Script):
    """A script about indexes, which begins with what tells of them (`index.lua`)."""

    prelude = "index"


@dataclass(frozen=True)
class ContentScript(Script):
    """A script that looks at all that keys hold, and whether it is what somebody has seen (`content.lua`)."""

    prelude = "content"


def _text_of(name: str) -> str:
    text = files("rapyer.scripts").joinpath("lua", f"{name}.lua").read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if not line.startswith("--"))
