"""What is read of large collections, and two editors of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from rapyer import AtomicRedisModel
from rapyer.config import RedisConfig
from rapyer.types import RedisPriorityQueue, RedisSet
from tests.nb.widgets.test_collections_form import BoardDesk, control, texts, until

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource

MANY = 100_000


class LargeBoard(AtomicRedisModel):
    Meta = RedisConfig(prefer_normal_json_dump=True)
    numbers: list[int] = []
    table: dict[str, int] = {}
    members: RedisSet[int] = Field(default_factory=set)
    jobs: RedisPriorityQueue[int] = Field(default_factory=RedisPriorityQueue)


async def sit_down(model: Any, source: ClientSource) -> BoardDesk:
    desk = BoardDesk(model, source.client())
    await until(lambda: desk.form._state == "live" and desk.collection("numbers")._on, "the form is live")
    return desk


async def sent(desk: BoardDesk) -> int:
    return int((await desk.client.info("stats"))["total_net_output_bytes"])


async def test_of_many_entries_only_the_page_is_read(source: ClientSource) -> None:
    board: Any = await LargeBoard().asave()
    client = source.client()
    await client.json().set(board.key, "$.numbers", list(range(MANY)))
    await client.json().set(board.key, "$.table", {f"key {number}": number for number in range(MANY)})
    for start in range(0, MANY, 10_000):
        await client.sadd(board.members.special_key, *range(start, start + 10_000))
        await client.zadd(board.jobs.special_key, {str(n): n for n in range(start, start + 10_000)})
    before = int((await client.info("stats"))["total_net_output_bytes"])
    desk = await sit_down(board, source)
    numbers = desk.collection("numbers")
    assert "1–20 of 100,000" in numbers.pager.text.value
    numbers.pager.last.click()
    await until(lambda: texts(numbers)[-1:] == ["99999"], "the last page")
    control(numbers.entries[19]).value = 7
    await desk.until_stored("$.numbers[99999]", 7)
    for name in ("table", "members", "jobs"):
        row = desk.collection(name)
        assert "1–20 of 100,000" in row.pager.text.value
        first = texts(row)
        row.pager.next.click()
        await until(lambda row=row, first=first: texts(row) != first, "the next page")  # type: ignore[misc]
        assert "21–40 of 100,000" in row.pager.text.value
    assert await sent(desk) - before < 200_000
    assert board.numbers == []


async def test_two_editors_of_one_list(source: ClientSource) -> None:
    board: Any = await LargeBoard(numbers=list(range(30))).asave()
    one = await sit_down(board, source)
    two = await sit_down(await LargeBoard.aget(board.key), source)
    for desk, number in ((one, 101), (two, 102)):
        desk.collection("numbers").adder._control.input.value = number
        desk.collection("numbers").adder.button.click()
    control(one.collection("numbers").entries[3]).value = 33
    two.collection("numbers").entries[0].buttons["remove"].click()
    control(two.collection("numbers").entries[5]).value = 55
    expected = [1, 2, 33, 4, 55, *range(6, 30)]

    async def settled() -> bool:
        stored = await one.stored("$.numbers")
        return stored[:-2] == expected and sorted(stored[-2:]) == [101, 102]

    for _ in range(2000):
        if await settled():
            break
        await until(lambda: True, "")
        await one.client.ping()
    assert await settled()
    for desk in (one, two):
        row = desk.collection("numbers")
        await until(lambda row=row: texts(row)[:3] == ["1", "2", "33"], "both show it")  # type: ignore[misc]
