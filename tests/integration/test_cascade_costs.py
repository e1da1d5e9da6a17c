"""What a cascade costs: one round trip, and on the server one step for each model that it reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import pytest

from rapyer import AtomicRedisModel, CascadeResult, RedisConfig, apipeline
from rapyer.cascade import CascadeTTL
from rapyer.session import observe
from rapyer.types import Reference  # noqa: TC001 - pydantic needs it at run time

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class CascadeCostLeaf(AtomicRedisModel):
    Meta = RedisConfig(ttl=300)
    number: int = 0


class CascadeCostShelf(AtomicRedisModel):
    Meta = RedisConfig(ttl=300)
    leaves: Annotated[list[Reference[CascadeCostLeaf]], CascadeTTL()] = []


async def _calls(raw: Redis) -> dict[str, int]:
    stats: Any = await raw.info("commandstats")
    return {name.removeprefix("cmdstat_"): one["calls"] for name, one in stats.items()}


async def _shelf(number: int) -> tuple[CascadeCostShelf, list[CascadeCostLeaf]]:
    leaves = [CascadeCostLeaf(number=one) for one in range(number)]
    await CascadeCostLeaf.ainsert(*leaves)
    return await CascadeCostShelf(leaves=leaves).asave(), leaves


@pytest.mark.parametrize("number", [10, 100, 1000])
async def test_it_is_one_round_trip_and_one_command_for_each_model(
    raw: Redis, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf, leaves = await _shelf(number)
    await raw.expire(leaves[-1].key, 50)
    await shelf.aset_ttl(300, cascade=True)  # the server has the script from here on
    trips = []
    round_trip = observe.round_trip

    async def counting(client: Redis, requests: Any) -> Any:
        trips.append([str(words[0]) for words in requests])
        return await round_trip(client, requests)

    monkeypatch.setattr(observe, "round_trip", counting)
    CascadeCostLeaf.Meta.ttl = 600
    before = await _calls(raw)
    assert await shelf.aset_ttl(300, cascade=True) == CascadeResult()
    after = await _calls(raw)
    assert trips == [["EVALSHA"]]
    spent = {name: calls - before.get(name, 0) for name, calls in after.items() if name != "info"}
    assert {name: calls for name, calls in spent.items() if calls} == {
        "evalsha": 1,
        "type": 1,
        "json.get": 1,
        "expire": 1 + number,
    }
    assert await raw.ttl(leaves[-1].key) > 300


async def test_what_is_sent_does_not_depend_on_how_many_there_are() -> None:
    sizes = []
    for number in (1, 100):
        shelf, _ = await _shelf(number)
        async with apipeline() as pipe:
            await shelf.aset_ttl(300, cascade=True)
            (command,) = pipe.commands
            sizes.append(sum(len(str(word)) for word in command.words()))
    assert sizes[0] == sizes[1]
