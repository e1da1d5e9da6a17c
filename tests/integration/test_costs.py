"""What operations send: commands, round trips and bytes, counted where they leave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from rapyer import AtomicRedisModel
from rapyer.model.portions import DOCUMENTS_PER_READ
from rapyer.session import observe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class SentUser(AtomicRedisModel):
    name: str = "Ada"
    visits: int = 0
    tags: list[str] = []
    limits: dict[str, int] = {}


@dataclass
class Sent:
    """What was sent: one list of command names for each write."""

    writes: list[list[str]] = field(default_factory=list)
    bytes: int = 0


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Count what the library sends from here on."""
    counted = Sent()
    round_trip = observe.round_trip

    async def counting(client: Redis, requests: Any) -> Any:
        counted.writes.append([str(words[0]) for words in requests])
        counted.bytes += sum(len(w if isinstance(w, bytes) else str(w)) for words in requests for w in words)
        return await round_trip(client, requests)

    monkeypatch.setattr(observe, "round_trip", counting)
    return counted


async def _renamed(user: SentUser) -> None:
    user.name = "Grace"
    await user.asave()


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        pytest.param(lambda user: user.asave(), ["JSON.SET"], id="asave"),
        pytest.param(_renamed, ["JSON.SET"], id="asave again"),
        pytest.param(lambda user: SentUser.aget(user.key), ["JSON.GET"], id="aget"),
        pytest.param(lambda user: user.aload(), ["JSON.GET"], id="aload"),
        pytest.param(lambda user: user.adelete(), ["JSON.DEL"], id="adelete"),
        pytest.param(lambda user: SentUser.aexists(user.key), ["EXISTS"], id="aexists"),
        pytest.param(lambda user: user.aset_ttl(10), ["EXPIRE"], id="aset_ttl"),
        pytest.param(lambda user: user.visits.asave(), ["JSON.SET"], id="field asave"),
        pytest.param(lambda user: user.tags.aappend("x"), ["JSON.ARRAPPEND"], id="list aappend"),
        pytest.param(lambda user: user.tags.aextend(["x", "y"]), ["JSON.ARRAPPEND"], id="list aextend"),
        pytest.param(lambda user: user.limits.aset_item("day", 1), ["JSON.SET"], id="dict aset_item"),
        pytest.param(lambda user: user.aupdate(name="Grace"), ["JSON.SET"], id="aupdate of one field"),
        pytest.param(
            lambda user: user.aupdate(name="Grace", visits=1),
            ["MULTI", "JSON.SET", "JSON.SET", "EXEC"],
            id="aupdate of two fields",
        ),
    ],
)
async def test_one_operation_is_one_round_trip(
    sent: Sent, operation: Callable[[Any], Awaitable[Any]], expected: list[str]
) -> None:
    user = await SentUser(tags=["a"], limits={"day": 0}).asave()
    sent.writes.clear()
    await operation(user)
    assert sent.writes == [expected]


async def test_an_increment_is_one_round_trip(sent: Sent) -> None:
    user = await SentUser().asave()
    await user.visits.aincrease(1)  # type: ignore[attr-defined]  # the server has the script from here on
    sent.writes.clear()
    await user.visits.aincrease(2)  # type: ignore[attr-defined]
    assert len(sent.writes) == len(sent.writes[0]) == 1


async def test_a_pipeline_is_one_read_and_one_write(sent: Sent) -> None:
    user = await SentUser(tags=["a"], limits={"day": 0}).asave()
    sent.writes.clear()
    async with user.apipeline():
        for number in range(25):
            user.visits += 1
            user.tags.append("x")
            user.limits["day"] = number
            user.name = str(number)
    read, write = sent.writes
    assert read == ["JSON.GET"]
    assert (len(write), write[0], write[-1]) == (102, "MULTI", "EXEC")


async def test_time_to_live_costs_no_round_trip(sent: Sent) -> None:
    SentUser.Meta.ttl = 100
    try:
        user = await SentUser().asave()  # nobody knows yet what is under its key, so a script looks
        await user.asave()
    finally:
        SentUser.Meta.ttl = None
    assert sent.writes == [["MULTI", "JSON.SET", "EVAL", "EXEC"], ["MULTI", "JSON.SET", "EXPIRE", "EXEC"]]


async def test_many_models_are_inserted_in_one_round_trip(sent: Sent) -> None:
    await SentUser.ainsert(SentUser())  # the server has the script from here on
    sent.writes.clear()
    await SentUser.ainsert(*(SentUser() for _ in range(600)))
    assert sent.writes == [["EVALSHA"]]


async def test_many_models_are_read_in_chunks(sent: Sent) -> None:
    users = await SentUser.ainsert(*(SentUser() for _ in range(600)))
    sent.writes.clear()
    assert len(await SentUser.afind(*(user.key for user in users))) == 600
    assert sent.writes == [["JSON.MGET"]] * -(-600 // DOCUMENTS_PER_READ)
    sent.writes.clear()
    assert len(await SentUser.afind()) == 600
    assert sum(write == ["JSON.MGET"] for write in sent.writes) == -(-600 // DOCUMENTS_PER_READ)


async def test_many_models_are_deleted_in_one_round_trip(sent: Sent) -> None:
    users = await SentUser.ainsert(*(SentUser() for _ in range(600)))
    sent.writes.clear()
    await SentUser.adelete_many(*users)
    assert len(sent.writes) == 1


async def test_a_save_sends_the_document_and_little_else(sent: Sent) -> None:
    user = SentUser(name="x" * 1000)
    document = user.redis_dump_json()
    await user.asave()
    assert sent.bytes <= len(document) + len(user.key) + len("JSON.SET$")


async def test_an_append_sends_the_element_alone(sent: Sent) -> None:
    user = await SentUser(tags=["x" * 1000]).asave()
    sent.bytes = 0
    await user.tags.aappend("y")  # type: ignore[attr-defined]
    assert sent.bytes < 100


async def test_the_server_counts_the_same_commands(raw: Redis) -> None:
    user = await SentUser().asave()
    await raw.config_resetstat()
    for _ in range(10):
        await user.asave()
        await SentUser.aget(user.key)
    stats: dict[str, Any] = await raw.info("commandstats")
    calls = {name.removeprefix("cmdstat_").lower(): row["calls"] for name, row in stats.items()}
    assert calls.get("json.set") == calls.get("json.get") == 10
    assert not {"multi", "exec", "evalsha", "ping"} & calls.keys()
