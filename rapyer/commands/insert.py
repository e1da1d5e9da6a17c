"""The command that stores many documents under keys that are free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rapyer.codec.replies import text
from rapyer.commands.command import Arg, Command, Effect
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

_INSERT = Script("insert")


@dataclass(frozen=True, slots=True)
class Inserted:
    """What became of documents that were to be stored.

    Attributes:
        stored: The positions of those that were.
        taken: The key that exists already, which was to be an error; then nothing was stored.
    """

    stored: tuple[int, ...] = ()
    taken: str | None = None


def insert_new(
    documents: Sequence[tuple[str, bytes, int | None]],
    on_conflict: Literal["error", "skip"],
    beside: Sequence[tuple[int, str, Sequence[str] | None]] = (),
) -> Command[Inserted]:
    """Store documents in a script, none or only those whose keys are free, with what lives beside them.

    Args:
        documents: For each its key, its JSON text and its time to live in seconds, or None.
        on_conflict: "error" to store none if a key is taken, "skip" to store the others.
        beside: For each key beside a document the document's position, the key, and the members that it
            begins with; None to leave it alone.
    """
    keys = (*(key for key, _, _ in documents), *(key for _, key, _ in beside))
    args: list[Arg] = [on_conflict, len(documents)]
    for _, document, ttl in documents:
        args += (document, "" if ttl is None else ttl)
    for position, _, members in beside:
        args += (position + 1, -1 if members is None else len(members), *(members or ()))
    return Command("EVALSHA", keys, tuple(args), _inserted, Effect.ONCE, script=_INSERT)


def _inserted(reply: Any) -> Inserted:
    if text(reply[0]) == "exists":
        return Inserted(taken=text(reply[1]))
    return Inserted(stored=tuple(int(position) for position in reply[1:]))
