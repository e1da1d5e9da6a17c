"""Queues of rapyer 1.3.6 are read and changed, and what is pushed here has the same text (golden file)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.data.golden_queues import ITEMS, GoldenQueues, push_all, queue_of

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

KEY = "GoldenQueues:golden"
STORED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "queues_1_3_6.json").read_text(encoding="utf-8")
)
QUEUES = {key: [tuple(entry) for entry in entries] for key, entries in STORED.items() if key != KEY}


async def restored(raw: Redis) -> GoldenQueues:
    await raw.json().set(KEY, "$", STORED[KEY])
    for key, entries in QUEUES.items():
        await raw.zadd(key, dict(entries))
    return await GoldenQueues.aget(KEY)


def expected(name: str) -> list[tuple[Any, float]]:
    """Return the items of a queue as they are read, the lowest priority first."""
    items = [(f"ref {value}" if name == "targets" else value, float(prio)) for value, prio in ITEMS[name]]
    return sorted(items, key=lambda item: item[1])


def _order(item: tuple[Any, float]) -> tuple[float, str]:
    return item[1], str(item[0])


def seen(value: Any) -> Any:
    return f"ref {value.target_key}" if hasattr(value, "target_key") else value


@pytest.mark.parametrize("name", ITEMS)
async def test_its_queues_are_read_and_changed(raw: Redis, name: str) -> None:
    queue = queue_of(await restored(raw), name)
    read = [(seen(item.value), item.priority) for item in await queue.aitems()]
    assert sorted(read, key=_order) == sorted(expected(name), key=_order)
    assert [priority for _, priority in read] == [priority for _, priority in expected(name)]
    first = read[0][0]
    assert seen(await queue.apop()) == first
    again = first.removeprefix("ref ") if name == "targets" else first
    await queue.apush(again, 100)
    assert await queue.aremove(again) is True
    assert await queue.asize() == len(ITEMS[name]) - 1


async def test_what_is_pushed_here_has_its_text(raw: Redis) -> None:
    model = GoldenQueues()
    model.pk = "golden"
    await model.asave()
    await push_all(model)
    assert await raw.json().get(KEY) == STORED[KEY]
    assert sorted(await raw.keys("__rapyer_special__:*")) == sorted(QUEUES)
    for key, entries in QUEUES.items():
        assert await raw.zrange(key, 0, -1, withscores=True) == entries


async def test_a_value_that_it_pushed_again_moves_here(raw: Redis) -> None:
    """Membership goes by the text, so it must be the same to the byte."""
    model = await restored(raw)
    await push_all(model)
    for key, entries in QUEUES.items():
        assert await raw.zcard(key) == len(entries)
