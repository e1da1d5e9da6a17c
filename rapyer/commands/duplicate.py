"""The commands that copy a document on the server."""

from __future__ import annotations

from dataclasses import dataclass
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
        taken: The key that exists already.
    """

    status: Literal["copied", "missing", "exists"]
    documents: tuple[bytes, ...] = ()
    taken: str | None = None


def duplicate(
    source: str,
    copies: Sequence[str],
    *,
    ttl: int | None,
    changes: Mapping[str, bytes],
    own: tuple[str, Sequence[bytes]] | None,
) -> Command[Duplicates]:
    """COPY a document in a script, and set some values in the copies.

    Args:
        source: The key to copy.
        copies: The keys of the copies.
        ttl: Seconds after which the copies expire; None leaves them what the source has.
        changes: JSON text by path, the same in all copies.
        own: A path, and the JSON text that each copy gets there.
    """
    shared = [word for change in changes.items() for word in change]
    args: list[Arg] = ["" if ttl is None else ttl, len(changes), *shared]
    args += [own[0], *own[1]] if own is not None else [""]
    return Command("EVALSHA", (source, *copies), tuple(args), _duplicates, Effect.ONCE, script=_DUPLICATE)


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
    return Command(
        "EVALSHA", tuple(copies), tuple(args), _duplicates, Effect.ONCE, script=_RESTORE, spread=spread
    )


def _dumped(reply: Any) -> Dump | None:
    return None if reply is None else Dump(reply[0], int(reply[1]))


def _joined(parts: Parts) -> list[Any]:
    taken = next((reply for _, reply in parts if text(reply[0]) == "exists"), None)
    made = {at: document for positions, reply in parts for at, document in zip(positions, reply[1:])}  # noqa: B905 - one that found a key taken has one element
    return taken or ["copied", *(made[at] for at in sorted(made))]


def _duplicates(reply: Any) -> Duplicates:
    status = text(reply[0])
    if status == "copied":
        return Duplicates("copied", tuple(document for document in map(raw_json, reply[1:]) if document))
    return Duplicates("exists", taken=text(reply[1])) if status == "exists" else Duplicates("missing")
