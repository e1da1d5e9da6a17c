"""The commands that store many documents: all of them in one script, or none."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from rapyer.codec.replies import text
from rapyer.commands.command import Arg, Command, Effect
from rapyer.commands.spread import Parts, Spread
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

_INSERT = Script("insert")


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document that is to be stored, with what lives beside it.

    Attributes:
        key: Its key.
        text: Its JSON text.
        seconds: How long it is to live, or None.
        refreshes: Whether that starts anew where something is stored already; else only what has no end yet
            gets one.
        beside: Each key beside it and the members that the set there begins with; None to leave it alone.
    """

    key: str
    text: bytes
    seconds: int | None
    refreshes: bool = True
    beside: tuple[tuple[str, Sequence[str] | None], ...] = ()


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


def insert(documents: Sequence[NewDocument]) -> Command[Inserted]:
    """Store documents in a script (JSON.MSET, DEL, SADD, EXPIRE), none if a key holds another Redis type."""
    return _command("JSON.MSET", "replace", documents, Effect.IDEMPOTENT)


def insert_new(documents: Sequence[NewDocument], on_conflict: Literal["error", "skip"]) -> Command[Inserted]:
    """Store documents in a script, none or only those whose keys are free, with what lives beside them.

    Args:
        documents: The documents.
        on_conflict: "error" to store none if a key is taken, "skip" to store the others.
    """
    return _command("EVALSHA", on_conflict, documents, Effect.ONCE)


def _command(
    name: str, on_conflict: str, documents: Sequence[NewDocument], effect: Effect
) -> Command[Inserted]:
    keys = (
        *(document.key for document in documents),
        *(key for document in documents for key, _ in document.beside),
    )
    args: list[Arg] = [on_conflict, len(documents)]
    for (seconds, refreshes, beside), run in groupby(documents, _plan):
        alike = list(run)
        args += (len(alike), "" if seconds is None else seconds, "anew" if refreshes else "", beside)
        for document in alike:
            args.append(document.text)
            for _, members in document.beside:
                args += (-1 if members is None else len(members), *(members or ()))

    def some(at: Sequence[int]) -> Command[Inserted]:
        # What lives beside a document lives in its slot.
        chosen = [documents[position] for position in at if position < len(documents)]
        return _command(name, on_conflict, chosen, effect)

    return Command(name, keys, tuple(args), _inserted, effect, script=_INSERT, spread=Spread(some, _joined))


def _plan(document: NewDocument) -> tuple[int | None, bool, int]:
    return document.seconds, document.refreshes, len(document.beside)


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
