"""The commands that copy a document on the server."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from rapyer.codec.replies import raw_json, text
from rapyer.commands.command import Arg, Command, Effect
from rapyer.commands.spread import Parts, Spread
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DUPLICATE = Script("duplicate")
_DUMP = Script("dump")
_RESTORE = Script("restore")


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What became of a copy.

    Attributes:
        status: "copied", "missing" (there is no source) or "exists" (a copy's key is taken); then nothing
            was written.
        documents: The JSON texts of the copies.
        beside: For each key beside a copy the members of the set there, [] for nothing, 1 for another type.
        taken: The key that exists already.
    """

    status: Literal["copied", "missing", "exists"]
    documents: tuple[bytes, ...] = ()
    beside: tuple[Any, ...] = ()
    taken: str | None = None


def duplicate(
    source: str,
    copies: Sequence[str],
    *,
    ttl: int | None,
    changes: Mapping[str, bytes],
    own: tuple[str, Sequence[bytes]] | None,
    beside: Sequence[tuple[Sequence[str], Sequence[str] | None]] = (),
) -> Command[Duplicates]:
    """COPY a document in a script, and set some values in the copies.

    Args:
        source: The key to copy.
        copies: The keys of the copies.
        ttl: Seconds after which the copies expire; None leaves them what the source has.
        changes: JSON text by path, the same in all copies.
        own: A path, and the JSON text that each copy gets there.
        beside: For each key beside the source that and those beside the copies, and the members that the
            copies begin with there; None to copy what the source has.
    """
    shared = [word for change in changes.items() for word in change]
    args: list[Arg] = [len(copies), "" if ttl is None else ttl, len(changes), *shared]
    args += [own[0], *own[1]] if own is not None else [""]
    for _, members in beside:
        args += [-1] if members is None else [len(members), *members]
    keys = (source, *copies, *(key for group, _ in beside for key in group))
    decode = partial(_duplicates, number=len(copies))
    return Command("EVALSHA", keys, tuple(args), decode, Effect.ONCE, script=_DUPLICATE)


@dataclass(frozen=True, slots=True)
class Dump:
    """A document as the server packs it, to be stored by a server that may be another one.

    Attributes:
        payload: The document.
        milliseconds: How long it lives; 0 for no end.
    """

    payload: bytes
    milliseconds: int


def dump(key: str) -> Command[Dump | None]:
    """DUMP, PTTL of a document in a script; None where there is none."""
    return Command("EVALSHA", (key,), (), _dumped, Effect.READ, script=_DUMP, immediate=True)


def restore(
    copies: Sequence[str],
    source: Dump,
    *,
    ttl: int | None,
    changes: Mapping[str, bytes],
    own: tuple[str, Sequence[bytes]] | None,
) -> Command[Duplicates]:
    """RESTORE a document under other keys in a script, and set some values there; as `duplicate` does.

    It is what `duplicate` is where the copies live in other slots of a cluster than the document.
    """
    shared = [word for change in changes.items() for word in change]
    args: list[Arg] = [source.payload, source.milliseconds, "" if ttl is None else ttl, len(changes), *shared]
    args += [own[0], *own[1]] if own is not None else [""]

    def some(at: Sequence[int]) -> Command[Duplicates]:
        chosen = (own[0], [own[1][position] for position in at]) if own is not None else None
        return restore([copies[position] for position in at], source, ttl=ttl, changes=changes, own=chosen)

    spread = Spread(some, _joined)
    decode = partial(_duplicates, number=len(copies))
    return Command("EVALSHA", tuple(copies), tuple(args), decode, Effect.ONCE, script=_RESTORE, spread=spread)


def _dumped(reply: Any) -> Dump | None:
    return None if reply is None else Dump(reply[0], int(reply[1]))


def _joined(parts: Parts) -> list[Any]:
    taken = next((reply for _, reply in parts if text(reply[0]) == "exists"), None)
    made = {at: document for positions, reply in parts for at, document in zip(positions, reply[1:])}  # noqa: B905 - one that found a key taken has one element
    return taken or ["copied", *(made[at] for at in sorted(made))]


def _duplicates(reply: Any, number: int) -> Duplicates:
    status = text(reply[0])
    if status == "copied":
        documents = tuple(document for document in map(raw_json, reply[1 : number + 1]) if document)
        return Duplicates("copied", documents, tuple(reply[number + 1 :]))
    return Duplicates("exists", taken=text(reply[1])) if status == "exists" else Duplicates("missing")
