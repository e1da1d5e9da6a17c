"""What the runs of a race send, step by step, and what the documents hold after each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rapyer.commands.command import Effect
from rapyer_nb.racing.ledger import Ledger, documents_of
from rapyer_nb.snapshots import size_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from rapyer.commands.command import Command
    from rapyer.session.observe import Exchange
    from rapyer_nb.racing.scheduler import Scheduler
    from rapyer_nb.snapshots import Kept


_LARGEST: Final = 64 * 1024
"""The most bytes of a document of which each state is kept."""


@dataclass(frozen=True)
class Step:
    """One round trip of a run.

    Attributes:
        position: Its number in the race, from 1 on.
        run: The number of the run.
        command: What was sent.
        keys: The documents that it names.
        writes: Whether it can change something.
        after: What those documents hold after it, unless they are large.
    """

    position: int
    run: int
    command: str
    keys: tuple[str, ...]
    writes: bool
    after: Mapping[str, Kept]


@dataclass
class Record:
    """What is noted of the runs.

    Attributes:
        ledger: The documents that they touch.
        steps: What they have sent; nothing where `keeps_steps` is not set.
        keeps_steps: Whether the steps are of interest.
        closed: Whether what is sent now, by tasks that runs have left behind, is not theirs any more.
    """

    ledger: Ledger
    keeps_steps: bool = False
    closed: bool = False
    steps: list[Step] = field(default_factory=list)
    _last: dict[str, Kept] = field(default_factory=dict)

    async def around(
        self, run: int, exchange: Exchange, send: Callable[[], Awaitable[list[Any]]]
    ) -> list[Any]:
        """Send something for a run, and note what it touches."""
        keys = documents_of(exchange.commands)
        await self.ledger.meet(keys)
        replies = await send()
        if self.keeps_steps:
            await self._note(run, exchange.commands, keys)
        return replies

    async def _note(self, run: int, commands: Sequence[Command[Any]], keys: list[str]) -> None:
        writes = any(command.effect is not Effect.READ for command in commands)
        if writes or not all(key in self._last for key in keys):
            self._last.update(await self.ledger.read(keys))
        # Large documents would fill the memory; that they were read or written is known all the same.
        after = {key: self._last[key] for key in keys if size_of(self._last[key]) <= _LARGEST}
        names = ", ".join(dict.fromkeys(command.operation for command in commands))
        self.steps.append(Step(len(self.steps) + 1, run, names, tuple(keys), writes, after))


@dataclass(frozen=True)
class Lane:
    """The observer of one run: lets it wait for its turns, if there is a scheduler.

    Args:
        run: The number of the run.
        record: Where its steps are noted.
        scheduler: Gives the turns; `None` for a run that is alone.
    """

    run: int
    record: Record
    scheduler: Scheduler | None = None

    async def exchange(self, exchange: Exchange, send: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
        """Send when it is this run's turn."""

        if self.record.closed:
            return await send()

        async def step() -> list[Any]:
            return await self.record.around(self.run, exchange, send)

        if self.scheduler is None:
            return await step()
        return await self.scheduler.turn(self.run, step)
