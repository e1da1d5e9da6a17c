"""A Redis command as a value: what to send, and how to read the reply."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from rapyer.codec.replies import identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer.commands.spread import Spread, Stages
    from rapyer.scripts.script import Script

R = TypeVar("R")
Arg: TypeAlias = "str | bytes | int | float"


class Effect(enum.Enum):
    """What it would do to send the command twice; the retry policy goes by it."""

    READ = "changes nothing"
    IDEMPOTENT = "the second time changes nothing more"
    ONCE = "must not run twice"


@dataclass(frozen=True, slots=True)
class Command(Generic[R]):
    """One Redis command, not sent yet.

    Attributes:
        name: The command's name, such as `JSON.ARRAPPEND`.
        keys: The Redis keys it touches; they stand before the other arguments.
        args: The other arguments.
        decode: Turns the raw reply into the result.
        effect: What sending it twice would do.
        script: The script to run, for commands that are one.
        immediate: Whether a pipeline, too, sends it at once, because the caller needs its reply.
        place: What the command concerns, as a path for messages, such as `$.tags`.
        must_exist: Whether an empty reply means that the key or the path does not exist.
        spread: How it is made of several commands where its keys live on several servers; None where it
            cannot be.
        stages: How it is done on a cluster where it finds keys of other slots on its way; None where it
            does not.
    """

    name: str
    keys: tuple[str, ...]
    args: tuple[Arg, ...] = ()
    decode: Callable[[Any], R] = field(default=identity, compare=False)
    effect: Effect = Effect.ONCE
    script: Script | None = None
    immediate: bool = False
    place: str = ""
    must_exist: bool = False
    spread: Spread | None = field(default=None, compare=False)
    stages: Callable[[], Stages] | None = field(default=None, compare=False)

    @property
    def operation(self) -> str:
        """The name to show: the command's, or that of its script where it has no name of its own."""
        return f"script {self.script.name}" if self.script and self.name == "EVALSHA" else self.name

    @property
    def told_keys(self) -> str:
        """The keys to show: three at the most."""
        return " ".join(self.keys[:3]) + (" …" if len(self.keys) > 3 else "")

    def words(self) -> tuple[Arg, ...]:
        """Return the command as it is sent; a script goes with its source, which the server caches."""
        if self.script is not None:
            return ("EVAL", self.script.source, len(self.keys), *self.keys, *self.args)
        return (self.name, *self.keys, *self.args)

    def __str__(self) -> str:
        return " ".join(_shown(word) for word in (self.name, *self.keys, *self.args))


def _shown(word: Arg) -> str:
    return word.decode(errors="replace") if isinstance(word, bytes) else str(word)
