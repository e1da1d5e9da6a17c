"""The commands that copy a document on the server."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from rapyer.codec.replies import raw_json, text
from rapyer.commands.command import Arg, Command, Effect
from rapyer.commands.spread import Parts, Spread
from rapyer.scripts.script import BesideScript, Script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DUPLICATE = BesideScript("duplicate")
_DUMP = Script("dump")
_RESTORE = BesideScript("restore")


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
    """What a key holds as the server packs it, to be stored by a server that may be another one.

    Attributes:
        payload: What it holds.
        milliseconds: How long it lives; 0 for no end.
    """

    payload: bytes = b""
    milliseconds: int = 0


def dump(key: str, beside: Sequence[str] = ()) -> Command[list[Dump] | None]:
    """DUMP, PTTL of a document and what lives beside it, in a script; None where there is no document.

    Args:
        key: The key of the document.
        beside: The keys beside it; what is not there has an empty payload.
    """
    return Command("EVALSHA", (key, *beside), (), _dumped, Effect.READ, script=_DUMP, immediate=True)


def restore(
    copies: Sequence[str],
    source: Dump,
    *,
    ttl: int | None,
    changes: Mapping[str, bytes],
    own: tuple[str, Sequence[bytes]] | None,
    beside: Sequence[tuple[Sequence[str], Dump | Sequence[str]]] = (),
) -> Command[Duplicates]:
    """RESTORE a document under other keys in a script, and set some values there; as `duplicate` does.

    It is what `duplicate` is where the copies live in other slots of a cluster than the document.

    Args:
        copies: The keys of the copies.
        source: The document.
        ttl: As `duplicate` takes it.
        changes: As `duplicate` takes it.
        own: As `duplicate` takes it.
        beside: For each key beside the document those beside the copies, and what they begin with there:
            what the document has, or members.
    """
    each = 1 + len(beside)
    shared = [word for change in changes.items() for word in change]
    args: list[Arg] = [each, source.payload, source.milliseconds, "" if ttl is None else ttl]
    args += [len(changes), *shared, *([own[0], *own[1]] if own is not None else [""])]
    for _, given in beside:
        args += [-1, given.payload, given.milliseconds] if isinstance(given, Dump) else [len(given), *given]
    names = (name for at, key in enumerate(copies) for name in (key, *(group[at] for group, _ in beside)))

    def some(at: Sequence[int]) -> Command[Duplicates]:
        # What lives beside a copy lives in its slot.
        chosen = [position // each for position in at if position % each == 0]
        return restore(
            [copies[one] for one in chosen],
            source,
            ttl=ttl,
            changes=changes,
            own=(own[0], [own[1][one] for one in chosen]) if own is not None else None,
            beside=[([group[one] for one in chosen], given) for group, given in beside],
        )

    spread = Spread(some, partial(_joined, each=each))
    decode = partial(_duplicates, number=len(copies))
    return Command("EVALSHA", tuple(names), tuple(args), decode, Effect.ONCE, script=_RESTORE, spread=spread)


def _dumped(reply: Any) -> list[Dump] | None:
    return reply and [Dump(one[0], int(one[1])) if one else Dump() for one in reply]


def _joined(parts: Parts, each: int) -> list[Any]:
    made: dict[int, Any] = {}
    beside: Sequence[Any] = ()
    for positions, reply in parts:
        if text(reply[0]) == "exists":
            return [*reply]
        copies = positions[::each]
        made.update(zip(copies, reply[1 : len(copies) + 1], strict=True))
        beside = reply[len(copies) + 1 :]
    return ["copied", *(made[at] for at in sorted(made)), *beside]


def _duplicates(reply: Any, number: int) -> Duplicates:
    status = text(reply[0])
    if status == "copied":
        documents = tuple(document for document in map(raw_json, reply[1 : number + 1]) if document)
        return Duplicates("copied", documents, tuple(reply[number + 1 :]))
    return Duplicates("exists", taken=text(reply[1])) if status == "exists" else Duplicates("missing")
