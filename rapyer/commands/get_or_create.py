"""The command that gives what is stored under a key, or stores a model there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rapyer.codec.replies import raw_json, text
from rapyer.commands.command import Arg, Command, Effect
from rapyer.errors import WrongTypeError
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

_GET_OR_CREATE = Script("get_or_create")


@dataclass(frozen=True, slots=True)
class Beside:
    """A key beside a document.

    Attributes:
        key: The key.
        read: What reads it, where something is found; None to leave that out.
        members: What it begins with, where the document is stored now; None to adopt what is there.
    """

    key: str
    read: Command[Any] | None
    members: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class GotOrCreated:
    """What was under the key.

    Attributes:
        document: The JSON text that was found; None where there was nothing, and the document was stored.
        replies: For each key beside that is read, the decoded reply, or the error that it ended in.
    """

    document: bytes | None = None
    replies: tuple[Any, ...] = ()


def get_or_create(
    key: str, document: bytes, beside: Sequence[Beside], *, ttl: int | None, ttl_found: int | None
) -> Command[GotOrCreated]:
    """Read a document and what lives beside it, or store them where there is none, in a script.

    It must not run twice, as the second time would find what the first stored. A pipeline, too, runs it at
    once.

    Args:
        key: The key of the document.
        document: The JSON text to store.
        beside: What lives beside it.
        ttl: Seconds to live of what is stored, or None.
        ttl_found: Seconds to live of what is found, or None to leave that alone.
    """
    args: list[Arg] = [document, "" if ttl is None else ttl, "" if ttl_found is None else ttl_found]
    for one in beside:
        args.append("" if one.read is None else one.read.name)
        args += (-1,) if one.members is None else (len(one.members), *one.members)
    return Command(
        "EVALSHA",
        (key, *(one.key for one in beside)),
        tuple(args),
        partial(_got_or_created, reads=[one.read for one in beside if one.read is not None]),
        Effect.ONCE,
        script=_GET_OR_CREATE,
        immediate=True,
    )


def _got_or_created(reply: Any, reads: Sequence[Command[Any]]) -> GotOrCreated:
    if text(reply[0]) == "created":
        return GotOrCreated()
    replies = (_read(command, given) for command, given in zip(reads, reply[2:], strict=True))
    return GotOrCreated(raw_json(reply[1]), tuple(replies))


def _read(command: Command[Any], given: Any) -> Any:
    if isinstance(given, bytes | str):
        return WrongTypeError(f"{command.keys[0]} holds another Redis type", command=command.name)
    return command.decode(given)
