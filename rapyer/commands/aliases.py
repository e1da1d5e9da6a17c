"""The commands on the names of indexes: an index has one of its own, and may have aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.codec.replies import text
from rapyer.commands.command import Command, Effect
from rapyer.scripts.script import IndexScript

if TYPE_CHECKING:
    from collections.abc import Sequence

_PUBLISH = IndexScript("publish_index")
_SWITCH = IndexScript("switch_index")
_DROP = IndexScript("drop_index")


def publish_index(name: str, index: str, fields: Sequence[str]) -> Command[str]:
    """Give an index a second name if it is complete and has some fields, in a script (FT.INFO, FT.ALIASADD).

    Args:
        name: The name.
        index: The index.
        fields: Path, name and type of each field, with blanks between them.

    Returns:
        The command, which gives "published", "building", "other" or "missing".
    """
    return Command("EVALSHA", (name, index), tuple(fields), text, Effect.IDEMPOTENT, script=_PUBLISH)


def list_indexes() -> Command[list[str]]:
    """FT._LIST: the names of all indexes, without aliases."""
    return Command("FT._LIST", (), (), _names, Effect.READ)


def switch_index(name: str, index: str, before: str) -> Command[bool]:
    """Let a name stand for an index, and drop the one it stood for, in a script (FT.ALIASADD, FT.DROPINDEX).

    Args:
        name: The name.
        index: The index, or one of its aliases.
        before: The index that the name stands for, empty for none.

    Returns:
        The command, which tells whether the name stands for the index now; if not, it stood for another one.
    """
    return Command("EVALSHA", (name, index), (before,), bool, Effect.IDEMPOTENT, script=_SWITCH)


def drop_unnamed(index: str, names: Sequence[str]) -> Command[bool]:
    """Drop an index unless one of some names stands for it, in a script; whether it was dropped."""
    return Command("EVALSHA", (index, *names), (), bool, Effect.IDEMPOTENT, script=_DROP)


def _names(reply: Any) -> list[str]:
    return sorted(map(text, reply))
