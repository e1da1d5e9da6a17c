"""The command that copies a document on the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rapyer.codec.replies import raw_json, text
from rapyer.commands.command import Arg, Command, Effect
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DUPLICATE = Script("duplicate")


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


def _duplicates(reply: Any) -> Duplicates:
    status = text(reply[0])
    if status == "copied":
        return Duplicates("copied", tuple(document for document in map(raw_json, reply[1:]) if document))
    return Duplicates("exists", taken=text(reply[1])) if status == "exists" else Duplicates("missing")
