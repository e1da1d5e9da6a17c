"""Finding 1,000 documents beside many keys of others: the cost is not to grow with how many those are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import subject
from benchmarks.checks import found
from benchmarks.documents import MATCHING
from benchmarks.floor import ByHand
from benchmarks.stored import MODELS
from benchmarks.timing import Work

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.asyncio import Redis

MATCHES = 1000
_SHAPE = "10f"
_FILL = "for at = ARGV[1], ARGV[2] do redis.call('SET', 'another:' .. at, at) end return 1"
_PER_SCRIPT = 50_000


def names(others: int) -> tuple[str, str]:
    """Return the operations beside so many keys."""
    return (f"afind expr beside {others}", f"afind all beside {others}")


async def store() -> None:
    """Store 1,000 documents that a filter describes, and nine times as many others of the class."""
    model: Any = MODELS[_SHAPE]
    for start in range(0, MATCHES * MATCHING, MATCHES):
        await model.ainsert(*(subject.made(_SHAPE, number) for number in range(start, start + MATCHES)))


async def fill(client: Redis, first: int, last: int) -> None:
    """Store keys of others, on the server itself, from one number to another."""
    for start in range(first, last, _PER_SCRIPT):
        await client.eval(_FILL, 0, str(start), str(min(start + _PER_SCRIPT, last) - 1))  # type: ignore[misc]


def beside_work(url: str, alone: str, client: Redis, others: int) -> dict[str, dict[str, Work]]:
    """Return the finds, each on the server with the other keys and on one without.

    Args:
        url: The server that has other keys.
        alone: One that has the same documents alone.
        client: A client of the first.
        others: How many keys it has.
    """
    model: Any = MODELS[_SHAPE]
    condition: Any = model.age == 7

    async def matching(_: int) -> list[Any]:
        return list(await model.afind(condition))

    async def everything(_: int) -> list[Any]:
        return list(await model.afind())

    def on(server: str, run: Callable[[int], Awaitable[Any]], number: int, age: int | None) -> Work:
        async def bind(_: int) -> None:
            await subject.connect(server)
            await run(1)  # connections are made, and the index is known to be complete

        return Work(run, found(number, age), before=bind, bulk=True)

    both = zip(names(others), ((matching, MATCHES, 7), (everything, MATCHES * MATCHING, None)), strict=True)
    works = {name: {"ours": on(url, *way), "alone": on(alone, *way)} for name, way in both}
    by_hand = ByHand(client, {_SHAPE: model.class_key_initials()}).bulk_work(_SHAPE, MATCHES * MATCHING)
    works[names(others)[0]]["raw"] = by_hand[f"afind expr 1 of 10 in {MATCHES * MATCHING} {_SHAPE}"]["raw"]
    return works
