"""Writes of the form start a time to live anew where the library's own operations do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import Field

from rapyer import AtomicRedisModel
from rapyer.config import RedisConfig
from rapyer.types import PriorityQueueItem, RedisPriorityQueue
from tests.nb.desk import Desk, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer.session.clients import ClientSource


class RenewedBoard(AtomicRedisModel):
    Meta = RedisConfig(prefer_normal_json_dump=True, ttl=1800, refresh_ttl=True)
    name: str = "ada"
    numbers: list[int] = list(range(30))
    members: set[int] = set(range(1000, 1050))
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)


class AgingBoard(RenewedBoard):
    Meta = RedisConfig(prefer_normal_json_dump=True, ttl=1800, refresh_ttl=False)


def type_a_name(desk: Desk) -> None:
    control: Any = desk.row("name")._control
    control.input.value = "grace"


def add_a_number(desk: Desk) -> None:
    row = desk.collection("numbers")
    row.adder._control.input.value = 7
    row.adder.button.click()


def remove_a_member(desk: Desk) -> None:
    desk.collection("members").entries[0].buttons["remove"].click()


def change_a_priority(desk: Desk) -> None:
    desk.collection("jobs").entries[0].field._control.input.value = 9


ACTS = [type_a_name, add_a_number, remove_a_member, change_a_priority]


async def opened(cls: Any, client: Any) -> Desk:
    board = await cls().asave()
    await board.jobs.apush_many([PriorityQueueItem(name, at) for at, name in enumerate("abc", 1)])
    for key in await client.keys("*"):
        await client.expire(key, 60)
    desk = Desk(board)
    await desk.until_live()
    await until(lambda: desk.collection("numbers")._on, "the form is live")
    assert await client.ttl(board.key) <= 60  # looking is no update
    return desk


async def lives(client: Any) -> dict[str, int]:
    return {
        key.decode() if isinstance(key, bytes) else key: await client.ttl(key)
        for key in await client.keys("*")
    }


@pytest.mark.parametrize("act", ACTS)
async def test_a_write_starts_the_time_to_live_anew(
    source: ClientSource, act: Callable[[Desk], None]
) -> None:
    client = source.client()
    desk = await opened(RenewedBoard, client)
    act(desk)
    await until(lambda: desk.form._history.last is not None, "it is written")
    left = await lives(client)
    assert len(left) == 3
    assert all(seconds > 1700 for seconds in left.values()), left


@pytest.mark.parametrize("act", ACTS)
async def test_a_write_leaves_it_where_updates_do(source: ClientSource, act: Callable[[Desk], None]) -> None:
    client = source.client()
    desk = await opened(AgingBoard, client)
    act(desk)
    await until(lambda: desk.form._history.last is not None, "it is written")
    assert all(0 < seconds <= 60 for seconds in (await lives(client)).values())
