"""Commands that are done step by step, as where they go follows from what they find (`Command.stages`)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from rapyer.errors import RapyerError
from rapyer.session.faults import outcome_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from rapyer.commands.command import Command
    from rapyer.commands.spread import Stages

logger = logging.getLogger("rapyer")


async def in_stages(
    commands: Sequence[Command[Any]],
    first: Callable[[Sequence[Command[Any]]], Awaitable[list[Any]]],
    later: Callable[[Sequence[Command[Any]]], Awaitable[list[Any]]],
) -> list[Any]:
    """Send commands, of those that have stages the first stage among them, and then the others together.

    Once the first stages are done, so is what they were sent with. So an error after that is the reply of
    what is not done yet, and logged, as nobody may look at that.

    Args:
        commands: The commands.
        first: Sends commands as one step, and returns their raw replies.
        later: Sends commands in one round trip, and returns their raw replies.

    Returns:
        The raw replies.
    """
    ways = [_Way.of(command) for command in commands]
    replies = await first([step for way in ways for step in way.steps])
    left = _told(ways, iter(replies))
    while left:
        steps = [step for way in left for step in way.steps]
        try:
            replies = await later(steps)
        except (RedisError, RapyerError, OSError) as error:
            logger.warning("%s went halfway: %s", ", ".join({way.command.operation for way in left}), error)
            for way in left:
                way.reply = error
            break
        left = _told(left, iter(replies))
    return [way.reply for way in ways]


@dataclass(eq=False)
class _Way:
    """How far a command has come.

    Attributes:
        command: The command.
        stages: What is left of it; None where it is one step.
        steps: What is to be sent now.
        reply: What came of it in the end.
    """

    command: Command[Any]
    stages: Stages | None
    steps: Sequence[Command[Any]]
    reply: Any = None

    @classmethod
    def of(cls, command: Command[Any]) -> _Way:
        """Begin a command."""
        if command.stages is None:
            return cls(command, None, (command,))
        stages = command.stages()
        return cls(command, stages, next(stages))

    def tell(self, replies: Sequence[Any]) -> bool:
        """Take over what the server said; whether there is more to send."""
        if self.stages is None:
            self.reply = replies[0]
            return False
        outcomes = [outcome_of(step, reply) for step, reply in zip(self.steps, replies, strict=True)]
        try:
            self.steps = self.stages.send(outcomes)
        except StopIteration as done:
            self.reply = done.value
            return False
        return True


def _told(ways: Sequence[_Way], replies: Iterator[Any]) -> list[_Way]:
    """Give each the replies to its steps, and return those that go on."""
    return [way for way in ways if way.tell(list(islice(replies, len(way.steps))))]
