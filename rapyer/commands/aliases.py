"""The commands on the names of indexes: an index has one of its own, and may have aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.codec.replies import text
from rapyer.commands.command import Command, Effect
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

_PUBLISH = Script("publish_index")
_SWITCH = Script("switch_index")
_DROP = Script("drop_index")


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


def switch_index(name: str, index: str) -> Command[str]:
    """Let a name stand for an index from now on, in a script; what it stood for before, or nothing.

    An index that has the name itself is dropped in the same step.
    """
    return Command("EVALSHA", (name, index), (), text, Effect.IDEMPOTENT, script=_SWITCH)


def drop_unnamed(index: str, names: Sequence[str]) -> Command[bool]:
    """Drop an index unless one of some names stands for it, in a script; whether it was dropped."""
    return Command("EVALSHA", (index, *names), (), bool, Effect.IDEMPOTENT, script=_DROP)


def _names(reply: Any) -> list[str]:
    return sorted(map(text, reply))
