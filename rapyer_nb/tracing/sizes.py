"""How many bytes requests and replies take on the wire (RESP2, which the library speaks)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.commands.command import Arg

_END: Final = 2
_STATUSES: Final = frozenset({b"OK", b"QUEUED", b"PONG"})


def request_size(words: Sequence[Arg]) -> int:
    """Return how many bytes a request takes."""
    return _header(len(words)) + sum(_bulk(_word_length(word)) for word in words)


def reply_size(reply: Any) -> int:
    """Return how many bytes a raw reply took; of an error it may be a few less, as its code is cut off."""
    if reply is None:
        return 5  # $-1
    if isinstance(reply, (list, tuple)):
        return _header(len(reply)) + sum(map(reply_size, reply))
    if isinstance(reply, Exception):
        return 1 + len(str(reply).encode()) + _END
    if isinstance(reply, int):
        return _header(reply)
    text = reply.encode() if isinstance(reply, str) else bytes(reply)
    return 1 + len(text) + _END if text in _STATUSES else _bulk(len(text))


def _word_length(word: Arg) -> int:
    if isinstance(word, bytes):
        return len(word)
    return len(word.encode() if isinstance(word, str) else repr(word))


def _bulk(length: int) -> int:
    return _header(length) + length + _END


def _header(number: int) -> int:
    return 1 + len(str(number)) + _END
