"""What stands around every round trip of a task."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from rapyer import AtomicRedisModel, apipeline
from rapyer.session.observe import observed_by, unobserved

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource
    from rapyer.session.observe import Exchange


class ObservedUser(AtomicRedisModel):
    name: str = ""
    score: int = 0


class Noting:
    """Notes what is sent, under a name."""

    def __init__(self, name: str = "", notes: list[tuple[str, ...]] | None = None) -> None:
        self.name = name
        self.notes = [] if notes is None else notes

    async def exchange(self, exchange: Exchange, send: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
        self.notes.append((self.name, *(command.name for command in exchange.commands)))
        return await send()


async def test_each_round_trip_is_seen_once_with_its_commands(source: ClientSource) -> None:
    user = await ObservedUser(name="Ada").asave()
    observer = Noting()
    with observed_by(observer):
        await ObservedUser.aget(user.key)
        async with apipeline():
            await user.score.aincrease(1)
            await user.aupdate(name="x")
        assert (await ObservedUser.aget(user.key)).score == 1
    await ObservedUser.aget(user.key)
    assert observer.notes == [("", "JSON.GET"), ("", "JSON.NUMINCRBY", "JSON.SET"), ("", "JSON.GET")]


async def test_the_latest_observer_stands_outermost_and_some_can_be_left_out(source: ClientSource) -> None:
    user = await ObservedUser().asave()
    notes: list[tuple[str, ...]] = []
    with observed_by(Noting("first", notes)), observed_by(Noting("second", notes)):
        await ObservedUser.aget(user.key)
        with unobserved():
            await ObservedUser.aget(user.key)
    assert notes == [("second", "JSON.GET"), ("first", "JSON.GET")]


async def test_tasks_of_the_block_are_seen_and_others_are_not(source: ClientSource) -> None:
    user = await ObservedUser().asave()
    observer = Noting()

    async def read() -> None:
        await ObservedUser.aget(user.key)

    other = asyncio.ensure_future(read())
    with observed_by(observer):
        await asyncio.gather(read(), read())
    await other
    assert len(observer.notes) == 2


async def test_who_is_held_back_takes_no_connection(source: ClientSource, raw: Redis) -> None:
    user = await ObservedUser().asave()
    number = source.client().connection_pool.max_connections + 5
    go = asyncio.Event()

    class Holding:
        waiting = 0

        async def exchange(self, exchange: Exchange, send: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
            self.waiting += 1
            if self.waiting == number:
                go.set()
            await go.wait()
            return await send()

    with observed_by(Holding()):
        found = await asyncio.gather(*(ObservedUser.aget(user.key) for _ in range(number)))
    assert len(found) == number


async def test_what_an_observer_raises_comes_out_and_nothing_is_sent(source: ClientSource) -> None:
    class Refusing:
        async def exchange(self, exchange: Exchange, send: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
            raise PermissionError("no")

    user = await ObservedUser().asave()
    with observed_by(Refusing()), pytest.raises(PermissionError, match="no"):
        await user.score.aincrease(1)
    assert (await ObservedUser.aget(user.key)).score == 0
