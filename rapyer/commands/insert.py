"""The commands that store many documents: all of them in one script, or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rapyer.codec.replies import text
from rapyer.commands.command import Arg, Command, Effect
from rapyer.commands.spread import Parts, Spread
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

_INSERT = Script("insert")


@dataclass(frozen=True, slots=True)
class Inserted:
    """What became of documents that were to be stored.

    Attributes:
        stored: The positions of those that were.
        taken: The key that exists already, which was to be an error; then nothing was stored, except on a
            cluster what lives in other slots.
    """

    stored: tuple[int, ...] = ()
    taken: str | None = None


def insert(documents: Sequence[tuple[str, bytes, int | None]]) -> Command[Inserted]:
    """Store documents in a script (JSON.MSET, EXPIRE), none if a key holds another Redis type.

    Args:
        documents: For each its key, its JSON text and its time to live in seconds, or None.
    """
    return _command("JSON.MSET", "replace", documents, Effect.IDEMPOTENT)


def insert_new(
    documents: Sequence[tuple[str, bytes, int | None]], on_conflict: Literal["error", "skip"]
) -> Command[Inserted]:
    """Store documents in a script, none or only those whose keys are free.

    Args:
        documents: For each its key, its JSON text and its time to live in seconds, or None.
        on_conflict: "error" to store none if a key is taken, "skip" to store the others.
    """
    return _command("EVALSHA", on_conflict, documents, Effect.ONCE)


def _command(
    name: str, on_conflict: str, documents: Sequence[tuple[str, bytes, int | None]], effect: Effect
) -> Command[Inserted]:
    keys = tuple(key for key, _, _ in documents)
    args: list[Arg] = [on_conflict]
    for _, document, ttl in documents:
        args += (document, "" if ttl is None else ttl)
    spread = Spread(
        lambda at: _command(name, on_conflict, [documents[position] for position in at], effect), _joined
    )
    return Command(name, keys, tuple(args), _inserted, effect, script=_INSERT, spread=spread)


def _inserted(reply: Any) -> Inserted:
    if text(reply[0]) == "exists":
        return Inserted(tuple(int(position) for position in reply[2:]), text(reply[1]))
    return Inserted(tuple(int(position) for position in reply[1:]))


def _joined(parts: Parts) -> list[Any]:
    taken = next((reply[:2] for _, reply in parts if text(reply[0]) == "exists"), ["stored"])
    stored = [
        positions[int(at)] for positions, reply in parts if text(reply[0]) == "stored" for at in reply[1:]
    ]
    return [*taken, *sorted(stored)]
