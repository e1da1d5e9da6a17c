"""What `init_rapyer` says to a user that may not do everything, with real users of a real server."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import pytest
from pydantic import Field
from redis.asyncio import Redis

import rapyer
from rapyer import ActionGroup, AtomicRedisModel, Index, RedisConfig, SafeLoad, init_rapyer
from rapyer.cascade import CascadeTTL
from rapyer.commands.permissions import Place, probes
from rapyer.errors import MissingPermissionError
from rapyer.model.registry import registry
from rapyer.search.index import ensure_index
from rapyer.types import RedisPriorityQueue, Reference
from tests.integration.test_costs import Sent, sent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from rapyer.session.clients import ClientSource

__all__ = ("sent",)

CHANNEL = "&rapyer:lock:*"


class Permitted(AtomicRedisModel):
    name: str = ""
    numbers: list[int] = []


class PermittedToo(AtomicRedisModel):
    number: int = 0


class PermittedBeside(AtomicRedisModel):
    Meta = RedisConfig(ttl=600, refresh_ttl=ActionGroup.UPDATE)
    tags: set[str] = set()
    strict: SafeLoad[UUID | None] = None


class PermittedRoot(AtomicRedisModel):
    Meta = RedisConfig(ttl=600, refresh_ttl=ActionGroup.UPDATE)
    leaf: Annotated[Reference[PermittedBeside] | None, CascadeTTL()] = None
    leaves: Annotated[set[Reference[PermittedBeside]], CascadeTTL()] = set()
    names: set[str] = set()
    queue: RedisPriorityQueue[int] = Field(default_factory=RedisPriorityQueue)


class PermittedFound(AtomicRedisModel):
    number: Index[int] = 0


@pytest.fixture(autouse=True)
def _only_these(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the models of other test modules out of what `init_rapyer` looks at."""
    monkeypatch.setattr(registry, "_models", {"Permitted": Permitted, "PermittedToo": PermittedToo})
    yield
    Permitted.Meta.exactly_once = False


@pytest.fixture
async def user(
    source: ClientSource, raw: Redis, rapyer_redis_url: str
) -> AsyncIterator[Callable[..., Awaitable[Redis]]]:
    """Make a client of a user with some rules; the users end with the test."""
    clients: list[Redis] = []

    async def make(*rules: str) -> Redis:
        await raw.execute_command("ACL", "SETUSER", "limited", "reset", "on", ">secret", *rules)  # type: ignore[no-untyped-call]
        client = Redis.from_url(
            rapyer_redis_url, username="limited", password="secret", decode_responses=True
        )
        clients.append(client)
        return client

    yield make
    await rapyer.teardown_rapyer()
    for client in clients:
        await client.aclose()
    await raw.execute_command("ACL", "DELUSER", "limited")  # type: ignore[no-untyped-call]


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    """Give what the library has warned of since the last time."""

    def taken() -> list[str]:
        messages = list(caplog.messages)
        caplog.clear()
        return messages

    with caplog.at_level(logging.WARNING, logger="rapyer"):
        yield taken


async def test_who_may_do_everything_hears_nothing(user: Any, warnings: Any, raw: Redis) -> None:
    client = await user("~Permitted:*", "~PermittedToo:*", CHANNEL, "+@all")
    await init_rapyer(client)
    assert warnings() == []
    assert await raw.keys() == []


async def test_it_costs_one_round_trip_and_writes_nothing(user: Any, raw: Redis, sent: Sent) -> None:
    client = await user("~*", "&*", "+@all")
    stored = await Permitted(name="x").asave()
    sent.writes.clear()
    await raw.config_resetstat()
    await init_rapyer(client)
    assert [write[0] for write in sent.writes] == ["COMMAND", "INFO", "ACL"]
    assert await raw.keys() == [stored.key]
    assert await raw.ttl(stored.key) == -1
    assert await Permitted.aget(stored.key) == stored


async def test_who_may_read_alone_is_warned(user: Any, warnings: Any, raw: Redis) -> None:
    stored = await Permitted(name="x").asave()
    client = await user(
        "~Permitted:*",
        "~PermittedToo:*",
        CHANNEL,
        "+@connection",
        "+json.get",
        "+json.mget",
        "+exists",
        "+scan",
        "+command",
        "+info",
        "+time",
        "+acl|whoami",
        "+exec",
        "+multi",
    )
    await init_rapyer(client)
    (warning,) = warnings()
    assert re.match(
        r"the user limited of \S+ may not run JSON.SET, JSON.MSET, JSON.DEL, JSON.MERGE, JSON.NUMINCRBY and "
        r"\d+ more, so writing or locking models may fail; ACL SETUSER limited \+json.set \+json.mset .* \+publish$",
        warning,
    ), warning
    assert await Permitted.afind() == [stored]
    rule = warning.partition("; ")[2]
    await raw.execute_command(*rule.split())  # type: ignore[no-untyped-call]
    await init_rapyer(client)
    assert warnings() == []
    await _everything()


async def test_who_may_not_read_is_refused(user: Any, warnings: Any, raw: Redis) -> None:
    client = await user("~Permitted:*", "~Other:*", CHANNEL, "+@all", "-json.get", "-@scripting", "-scan")
    with pytest.raises(MissingPermissionError) as raised:
        await init_rapyer(client)
    error = raised.value
    assert error.commands == ("JSON.GET", "SCAN", "EVAL", "EVALSHA")
    assert error.patterns == ("PermittedToo:*",)
    assert error.channels == ()
    assert error.command == "JSON.GET"
    assert error.hint == "ACL SETUSER limited +json.get +scan +eval +evalsha ~PermittedToo:*"
    assert "may not run JSON.GET, SCAN, EVAL, EVALSHA, nor use the keys PermittedToo:*; ACL" in str(error)
    assert "secret" not in str(error)
    assert warnings() == []
    await raw.execute_command(*error.hint.split())  # type: ignore[no-untyped-call]
    await init_rapyer(client)
    await _everything()


@pytest.mark.parametrize("rules", [("~Other:*",), ("%R~Permitted:*", "%R~PermittedToo:*"), ()])
async def test_keys_that_are_not_allowed(user: Any, rules: tuple[str, ...]) -> None:
    client = await user(*rules, CHANNEL, "+@all")
    with pytest.raises(
        MissingPermissionError,
        match=r"may not use the keys Permitted:\*, PermittedToo:\*; ACL SETUSER limited ~Per",
    ) as raised:
        await init_rapyer(client)
    assert raised.value.commands == ()
    assert raised.value.patterns == ("Permitted:*", "PermittedToo:*")


async def test_tokens_and_channels(user: Any, warnings: Any) -> None:
    client = await user("~Permitted:*", "~PermittedToo:*", "+@all")
    await init_rapyer(client)
    (warning,) = warnings()
    assert warning.endswith(
        "may not use the channels rapyer:lock:*, so waiters hear later that a lock is free; "
        "ACL SETUSER limited &rapyer:lock:*"
    )
    async with (await Permitted().asave()).alock():
        pass  # waiters only hear of it later
    Permitted.Meta.exactly_once = True
    await init_rapyer(client)
    (warning,) = warnings()
    assert (
        "may not use the keys __rapyer_once__:*, nor use the channels rapyer:lock:*, so writing or" in warning
    )
    assert warning.endswith("; ACL SETUSER limited ~__rapyer_once__:* &rapyer:lock:*")


async def test_indexes(user: Any, warnings: Any, raw: Redis, source: ClientSource) -> None:
    registry._models["PermittedFound"] = PermittedFound
    client = await user("~Permitted*", CHANNEL, "+@all")
    with pytest.raises(MissingPermissionError) as raised:
        await init_rapyer(client)
    assert raised.value.patterns == ("idx:PermittedFound*",)
    await ensure_index(PermittedFound, source)
    await raw.execute_command(
        "ACL", "SETUSER", "limited", "~idx:PermittedFound*", "-ft.create", "-ft.dropindex"
    )  # type: ignore[no-untyped-call]
    await init_rapyer(client)  # the index is there already
    (warning,) = warnings()
    assert (
        "may not run FT.CREATE, FT.DROPINDEX, so indexes cannot be built or brought up to date; ACL"
        in warning
    )
    assert warning.endswith("; ACL SETUSER limited +ft.create +ft.dropindex")
    await raw.execute_command("ACL", "SETUSER", "limited", "-ft.search")  # type: ignore[no-untyped-call]
    with pytest.raises(MissingPermissionError, match="may not run FT.SEARCH, FT.CREATE, FT.DROPINDEX;"):
        await init_rapyer(client)
    assert await raw.execute_command("FT._LIST") == ["idx:PermittedFound"]  # type: ignore[no-untyped-call]


async def test_who_may_not_ask_for_the_name(user: Any) -> None:
    client = await user("~Permitted:*", CHANNEL, "+@all", "-acl")
    with pytest.raises(
        MissingPermissionError,
        match=r"the user of \S+ may not use the keys .*; ACL SETUSER <user> ~PermittedToo:\*",
    ):
        await init_rapyer(client)


async def test_without_classes_nothing_is_asked(
    user: Any, monkeypatch: pytest.MonkeyPatch, sent: Sent
) -> None:
    monkeypatch.setattr(registry, "_models", {})
    await init_rapyer(await user("+@all"))
    assert [write[0] for write in sent.writes] == ["COMMAND", "INFO"]


async def _everything() -> None:
    """Do what takes scripts and several commands, as the limited user."""
    model: Any = await Permitted(name="a").asave()
    await Permitted.ainsert(Permitted(), Permitted())
    async with model.apipeline():
        model.numbers.extend([1, 2])
        model.numbers.insert(1, 5)
        model.name += "b"
    await model.numbers.apop(0)
    await model.numbers.aremove(5)
    async with model.alock(save_at_end=True):
        model.name = "locked"
    await model.aduplicate()
    await Permitted.adelete_many(*await Permitted.afind_keys())


BESIDE = "__rapyer_special__:PermittedBeside:*"


@pytest.fixture
def beside() -> None:
    """Let `init_rapyer` look at classes whose fields have keys of their own."""
    registry._models["PermittedBeside"] = PermittedBeside
    registry._models["PermittedRoot"] = PermittedRoot


@pytest.mark.usefixtures("beside")
async def test_keys_of_sets_and_queues(user: Any, warnings: Any, raw: Redis) -> None:
    client = await user("~Permitted*", CHANNEL, "+@all")
    with pytest.raises(MissingPermissionError) as raised:
        await init_rapyer(client)
    special = ("__rapyer_special__:PermittedRoot:*", BESIDE)
    assert sorted(raised.value.patterns) == sorted(special)
    assert raised.value.commands == ()
    assert "may not use the keys __rapyer_special__:" in str(raised.value)
    assert await raw.keys() == []
    rule = raised.value.hint
    assert rule is not None
    await raw.execute_command(*rule.split())  # type: ignore[no-untyped-call]
    await init_rapyer(client)
    assert warnings() == []
    await _everything_beside()


@pytest.mark.usefixtures("beside")
async def test_who_may_only_read_sets_and_queues_is_warned(user: Any, warnings: Any, raw: Redis) -> None:
    stored = await PermittedBeside(tags={"a"}).asave()
    client = await user("~Permitted*", "%R~__rapyer_special__:Permitted*", CHANNEL, "+@all")
    await init_rapyer(client)
    (warning,) = warnings()
    patterns = f"{BESIDE}, __rapyer_special__:PermittedRoot:*"
    both = {patterns, ", ".join(reversed(patterns.split(", ")))}
    assert any(
        f"may not use the keys {one}, so writing or locking models may fail" in warning for one in both
    )
    assert (await PermittedBeside.aget(stored.key)).tags == {"a"}
    await raw.execute_command(*warning.partition("; ")[2].split())  # type: ignore[no-untyped-call]
    await init_rapyer(client)
    assert warnings() == []
    await _everything_beside()


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize(
    "name", ["sadd", "srem", "spop", "zadd", "zpopmin", "zpopmax", "zscore", "ttl", "persist"]
)
async def test_a_command_that_changes_sets_or_queues(name: str, user: Any, warnings: Any, raw: Redis) -> None:
    client = await user("~Permitted*", "~__rapyer_special__:*", CHANNEL, "+@all", f"-{name}")
    await init_rapyer(client)
    (warning,) = warnings()
    assert f"may not run {name.upper()}, so writing" in warning
    assert warning.endswith(f"; ACL SETUSER limited +{name}")
    assert await raw.keys() == []


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("name", ["smembers", "sscan", "scard", "sunion", "smismember", "zrange", "zcard"])
async def test_a_command_that_reads_sets_or_queues(name: str, user: Any) -> None:
    client = await user("~Permitted*", "~__rapyer_special__:*", CHANNEL, "+@all", f"-{name}")
    with pytest.raises(MissingPermissionError) as raised:
        await init_rapyer(client)
    assert raised.value.commands == (name.upper(),)
    assert raised.value.hint == f"ACL SETUSER limited +{name}"


@pytest.mark.usefixtures("beside")
async def test_without_scripts_sets_cannot_be_added_to(user: Any, warnings: Any, raw: Redis) -> None:
    client = await user("~Permitted*", "~__rapyer_special__:*", CHANNEL, "+@all", "-@scripting", "-sadd")
    await init_rapyer(client)
    (warning,) = warnings()
    assert warning.endswith("; ACL SETUSER limited +eval +evalsha +sadd")
    await raw.execute_command(*warning.partition("; ")[2].split())  # type: ignore[no-untyped-call]
    await init_rapyer(client)
    assert warnings() == []
    await _everything_beside()


async def test_classes_without_sets_need_none_of_their_keys(user: Any, warnings: Any) -> None:
    await init_rapyer(await user("~Permitted:*", "~PermittedToo:*", CHANNEL, "+@all", "-@set", "-zpopmin"))
    assert warnings() == []


async def _everything_beside() -> None:
    """Do what takes scripts and several commands, as the limited user."""
    leaf = PermittedBeside(tags={"l"}, strict=UUID(int=1))
    root: Any = PermittedRoot(leaf=leaf, leaves={leaf.key})  # type: ignore[arg-type]  # references are made of keys
    await PermittedBeside.ainsert(leaf)
    await PermittedRoot.ainsert(root)
    async with root.apipeline():
        root.names.add("a")
        root.names.discard("b")
        await root.queue.apush(1, 1)
    await root.names.apop()
    await root.names.aunion(root.names)
    await root.queue.apush(2, 1)
    await root.queue.apop()
    await root.queue.apop_max()
    await root.aset_ttl(100, cascade=True)
    await rapyer.afetch_all(root, PermittedRoot.leaf, PermittedRoot.leaves)
    assert (await rapyer.acheck_references(PermittedRoot)).ok
    async with root.alock(save_at_end=True) as locked:
        locked.names = {"c"}
    copy = await root.aduplicate()
    assert copy.names == {"c"}
    assert (await PermittedBeside.aget_or_create(PermittedBeside(tags={"n"}))).created
    await (await PermittedBeside.aget(leaf.key)).asave()
    await PermittedRoot.adelete_many(root, copy)


async def test_every_command_is_asked_for(raw: Redis) -> None:
    places = [Place("A:", "idx:A", sets=True, queues=True)]
    asked = {probe.name for probe in probes(places, "1", tokens=True, cluster=True)}
    folder = Path(rapyer.__file__).parent
    texts = [re.sub(r"--.*", "", path.read_text()) for path in (folder / "scripts" / "lua").glob("*.lua")]
    texts += [
        path.read_text() for path in (folder / "commands").glob("*.py") if path.name != "permissions.py"
    ]
    words = sorted(
        {word for text in texts for word in re.findall(r"""['"]([A-Z]+(?:\.[A-Z]+)?)['"]""", text)}
    )
    known = await raw.execute_command("COMMAND LIST")  # type: ignore[no-untyped-call]
    commands = {word for word in words if word.lower() in map(str.lower, known)}
    assert len(commands) > 60
    # What may be refused without harm.
    not_asked = {"ACL", "COMMAND", "INFO", "CLUSTER", "FT.CONFIG", "FT.EXPLAIN", "FT.PROFILE"}
    not_asked |= {"DBSIZE", "MEMORY", "MODULE", "CONFIG", "PING"}
    assert commands - asked - not_asked == set()
