"""The commands that read all of a document, with what lives beside it, and write it back."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeAlias

from rapyer.codec.replies import raw_json, text
from rapyer.commands.command import Command, Effect
from rapyer.scripts.script import ContentScript

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.commands.command import Arg

_CAPTURE = ContentScript("capture")
_PUT_BACK = ContentScript("put_back")

DOCUMENT = "ReJSON-RL"
SET = "set"
QUEUE = "zset"
NOTHING = "none"
_NEVER = b""

Values: TypeAlias = "bytes | tuple[bytes, ...] | tuple[tuple[bytes, bytes], ...] | None"
"""The text of a document, the members of a set in order, the members of a sorted set with their scores."""


@dataclass(frozen=True, slots=True)
class Content:
    """What one key holds at one moment.

    Attributes:
        kind: The type that Redis says: `DOCUMENT`, `SET`, `QUEUE`, `NOTHING`, or another one.
        values: What it holds; None for nothing, and for other types.
        left: The milliseconds that it has left; None for no end.
        ends: The server's time in milliseconds at which it ends; None for no end.
        digest: What tells whether it still holds that. Of a set of more than 5000 members it may change
            although they do not.
    """

    kind: str
    values: Values
    left: int | None
    ends: int | None
    digest: str


def capture(keys: Sequence[str]) -> Command[list[Content]]:
    """Read keys whatever they hold, in a script: JSON.GET, SMEMBERS, ZRANGE, PTTL.

    Args:
        keys: The key of a document, and those beside it.
    """
    return Command("EVALSHA", tuple(keys), (), _contents, Effect.READ, script=_CAPTURE, immediate=True)


@dataclass(frozen=True, slots=True)
class PutBack:
    """What one key is to hold again.

    Attributes:
        key: The key.
        held: What it holds now.
        wanted: What it is to hold; None to leave it alone.
    """

    key: str
    held: Content
    wanted: Content | None


def put_back(steps: Sequence[PutBack]) -> Command[str]:
    """Write keys in a script, if all of them hold what was seen (JSON.SET, DEL; SREM, SADD, ZREM, ZADD).

    They end when they would have ended (PEXPIRE, PERSIST); what is over by now lives again for as long as
    it had left. The result is empty, or the key that holds something else than what was seen; then nothing
    is written.

    Args:
        steps: The key of a document, and those beside it.
    """
    args = tuple(chain.from_iterable(map(_words, steps)))
    keys = tuple(step.key for step in steps)
    return Command("EVALSHA", keys, args, text, Effect.ONCE, script=_PUT_BACK, immediate=True)


def _words(step: PutBack) -> tuple[Arg, ...]:
    wanted = step.wanted
    if wanted is None:
        return (step.held.digest, "", "", "", 0, 0)
    gone, come = _difference(step.held, wanted)
    ends = "" if wanted.ends is None else wanted.ends
    return (step.held.digest, wanted.kind, ends, wanted.left or 0, len(gone), len(come), *gone, *come)


def _difference(held: Content, wanted: Content) -> tuple[list[bytes], list[bytes]]:
    """Return the members to remove, and what to write: the text, the members, or scores and members."""
    if isinstance(wanted.values, bytes):
        return [], [wanted.values]
    before, after = _members(held if held.kind == wanted.kind else None), _members(wanted)
    gone = [member for member in before if member not in after]
    come = {member: score for member, score in after.items() if before.get(member, _NEVER) != score}
    if wanted.kind == QUEUE:
        return gone, [word for member, score in come.items() for word in (score or b"0", member)]
    return gone, list(come)


def _members(content: Content | None) -> dict[bytes, bytes | None]:
    values = () if content is None or not isinstance(content.values, tuple) else content.values
    return dict(value if isinstance(value, tuple) else (value, None) for value in values)


def _contents(reply: Any) -> list[Content]:
    now = int(reply[0])
    return [_content(one, now) for one in reply[1:]]


def _content(reply: Any, now: int) -> Content:
    kind, held, left = text(reply[0]), reply[1], int(reply[2])
    values: Values = None
    if kind == DOCUMENT:
        values = raw_json(held)
    elif kind == SET:
        values = tuple(sorted(map(_bytes, held)))
    elif kind == QUEUE:
        words = [_bytes(word) for word in held]
        values = tuple(zip(islice(words, 0, None, 2), islice(words, 1, None, 2), strict=True))
    ending = left >= 0
    return Content(kind, values, left if ending else None, now + left if ending else None, text(reply[3]))


def _bytes(word: Any) -> bytes:
    return word.encode() if isinstance(word, str) else bytes(word)
