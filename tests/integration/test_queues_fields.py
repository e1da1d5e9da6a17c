"""Queue fields as a part of their models: validation, dumps, equality, and what becomes of the key."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any, Optional

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from redis.asyncio import Redis

from rapyer import ActionGroup, AtomicRedisModel, Index, RedisConfig, adelete_many, ainsert, apipeline
from rapyer.errors import (
    UnlinkedValueError,
    UnsupportedFieldError,
    UnsupportedIndexedFieldError,
    UnsupportedOperationError,
)
from rapyer.types import PriorityQueueItem, RedisPriorityQueue
from tests.integration.watching import sent_to

pytestmark = pytest.mark.usefixtures("source")

Item = PriorityQueueItem


class QueueShelf(BaseModel):
    n: int = 1
    tasks: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)


class QueueRoom(AtomicRedisModel):
    name: str = "room"
    tasks: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)
    hidden: RedisPriorityQueue[int] = Field(default_factory=RedisPriorityQueue, exclude=True)
    shelf: QueueShelf = Field(default_factory=QueueShelf)
    maybe: Optional[RedisPriorityQueue[str]] = None  # noqa: UP045
    maybe_shelf: QueueShelf | None = None


class QueueSubRoom(QueueRoom):
    more: RedisPriorityQueue[int] = RedisPriorityQueue()


class QueueSubSubRoom(QueueSubRoom):
    hidden: int = 5  # type: ignore[assignment]  # made an ordinary field


class QueueRequired(AtomicRedisModel):
    tasks: RedisPriorityQueue[str]


class QueueExpiring(AtomicRedisModel):
    tasks: RedisPriorityQueue[str] = RedisPriorityQueue()
    shelf: QueueShelf = QueueShelf()
    Meta = RedisConfig(ttl=1000)


async def room(**fields: Any) -> QueueRoom:
    return await QueueRoom(**fields).asave()


async def filled() -> QueueRoom:
    model = await room(maybe=RedisPriorityQueue(), maybe_shelf=QueueShelf())
    for number, queue in enumerate(queues(model)):
        await queue.apush(str(number), number)
    return model


def queues(model: QueueRoom) -> list[RedisPriorityQueue[Any]]:
    assert model.maybe is not None
    assert model.maybe_shelf is not None
    return [model.tasks, model.hidden, model.shelf.tasks, model.maybe, model.maybe_shelf.tasks]


async def contents(model: QueueRoom) -> list[list[Any]]:
    return [await queue.aitems() for queue in queues(model)]


FILLED = [[Item("0", 0.0)], [Item(1, 1.0)], [Item("2", 2.0)], [Item("3", 3.0)], [Item("4", 4.0)]]

# --- validation and dumps --------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [[], ["a"], 1, "x", None, {"a": 1}, set()])
def test_only_a_queue_is_taken(bad: Any) -> None:
    """W14, §13.31: a ValidationError that says what to do."""
    said = r"QueueRequired\ntasks\n  a queue field takes a RedisPriorityQueue\(\); push its items when"
    with pytest.raises(ValidationError, match=said):
        QueueRequired(tasks=bad)
    model = QueueRequired(tasks=RedisPriorityQueue())
    with pytest.raises(ValidationError, match="a queue field takes"):
        model.tasks = bad
    assert isinstance(model.tasks, RedisPriorityQueue)


def test_a_queue_cannot_be_made_with_items() -> None:
    for items in (["a"], iter(()), 1, "x"):
        with pytest.raises(UnsupportedOperationError, match=r"cannot be made with items.*apush_many"):
            RedisPriorityQueue(items)
    empty: tuple[Any, ...] = ((), None, [], RedisPriorityQueue())
    for nothing in empty:
        assert RedisPriorityQueue(nothing) == RedisPriorityQueue()


async def test_a_dump_needs_no_exclude_and_can_be_read_again() -> None:
    """D24."""
    model = await filled()
    dumped = model.model_dump()
    assert dumped["tasks"] == RedisPriorityQueue()
    assert dumped["maybe"] == dumped["shelf"]["tasks"] == RedisPriorityQueue()
    assert "hidden" not in dumped
    assert isinstance(QueueRoom(**dumped).maybe, RedisPriorityQueue)
    as_json = {"name": "room", "tasks": None, "shelf": {"n": 1, "tasks": None}, "maybe": None}
    as_json |= {"maybe_shelf": {"n": 1, "tasks": None}}
    assert model.model_dump(mode="json") == json.loads(model.model_dump_json()) == as_json
    again = QueueRoom.model_validate_json(model.model_dump_json())
    assert isinstance(again.tasks, RedisPriorityQueue)
    assert again.maybe is None
    with pytest.raises(ValidationError, match="a queue field takes"):
        QueueRoom.model_validate_json('{"tasks": ["a"]}')
    assert QueueRoom.model_json_schema()["properties"]["tasks"]["type"] == "null"


def test_a_queue_behaves_as_an_object_of_its_own() -> None:
    """§3.4."""
    queue: Any = RedisPriorityQueue()
    assert bool(queue) is True
    with pytest.raises(TypeError, match="len"):
        len(queue)
    with pytest.raises(TypeError, match="not iterable"):
        iter(queue)
    with pytest.raises(TypeError, match="unhashable"):
        hash(queue)
    assert repr(queue) == "RedisPriorityQueue()"
    for copied in (copy.copy(queue), copy.deepcopy(queue), pickle.loads(pickle.dumps(queue)), queue.clone()):
        assert type(copied) is RedisPriorityQueue
        assert copied is not queue


def test_items_are_values() -> None:
    assert Item("a", 1) == Item("a", 1.0)
    assert Item("a", 1) != Item("a", 2)
    assert repr(Item("a", 1)) == "PriorityQueueItem(value='a', priority=1)"
    adapter = TypeAdapter(list[PriorityQueueItem[int]])
    assert adapter.validate_json(adapter.dump_json([Item(1, 2)])) == [Item(1, 2.0)]


# --- equality --------------------------------------------------------------------------------------------


async def test_queues_are_equal_if_they_are_the_same_one() -> None:
    """§13.32."""
    model, other = await room(), await room()
    loaded = await QueueRoom.aget(model.key)
    assert model.tasks == loaded.tasks
    assert model.tasks != other.tasks
    assert model.tasks != model.shelf.tasks
    assert model.tasks != model.tasks.clone()
    assert (model.tasks == "x", model.tasks == None, model.tasks != []) == (False, False, True)  # noqa: E711
    assert repr(model.tasks) == f"RedisPriorityQueue(<__rapyer_special__:{model.key}:tasks>)"


async def test_models_are_equal_whatever_was_read_of_them() -> None:
    model = await room()
    assert await QueueRoom.aget(model.key) == await QueueRoom.aget(model.key)
    loaded = await QueueRoom.aget(model.key)
    await loaded.tasks.asize()
    await loaded.shelf.tasks.asize()
    assert loaded == await QueueRoom.aget(model.key)
    assert loaded.shelf == (await QueueRoom.aget(model.key)).shelf
    assert await room() != await room()  # two queues


# --- where it is -----------------------------------------------------------------------------------------


def test_keys_follow_the_fields() -> None:
    """§13.1, §13.3."""
    model, sub, subsub = QueueRoom(), QueueSubRoom(), QueueSubSubRoom()
    for owner in (model, sub, subsub):
        assert owner.tasks.special_key == f"__rapyer_special__:{owner.key}:tasks"
        assert owner.shelf.tasks.special_key == f"__rapyer_special__:{owner.key}:shelf.tasks"
    assert sub.more.special_key == f"__rapyer_special__:{sub.key}:more"
    assert RedisPriorityQueue.special_field_key("M:1", ".a.b") == "__rapyer_special__:M:1:a.b"
    names = ["", "hidden", "maybe", "maybe_shelf.tasks", "more", "shelf.tasks", "tasks"]
    assert sorted(key.rpartition(":")[2] if "special" in key else "" for key in sub.all_keys) == names
    assert sorted(set(names) - {"hidden"}) == sorted(
        key.rpartition(":")[2] if "special" in key else "" for key in subsub.all_keys
    )
    assert (subsub.hidden, model.tasks.key, model.tasks.field_path, model.tasks.field_name) == (
        5,
        model.key,
        "tasks",
        "tasks",
    )
    assert model.tasks.json_path == "$.tasks"


async def test_a_field_may_have_any_name(raw: Redis) -> None:
    class QueueNamed(AtomicRedisModel):
        größe: RedisPriorityQueue[int] = RedisPriorityQueue()

    model = await QueueNamed().asave()
    await model.größe.apush(1, 1)
    assert await raw.keys("__rapyer_special__:*") == [model.größe.special_key]
    assert await model.adelete() is True
    assert await raw.keys("*") == []


async def test_same_named_queues_are_apart() -> None:
    """§13.34."""
    model = await room()
    await model.tasks.apush("outer", 1)
    assert await model.shelf.tasks.asize() == 0
    await model.shelf.tasks.apush("inner", 1)
    assert await model.tasks.aitems() == [Item("outer", 1.0)]
    assert await (await QueueRoom.aget(model.key)).shelf.tasks.apop() == "inner"


async def test_a_queue_is_not_in_the_document(raw: Redis) -> None:
    """§13.2."""
    model = await filled()
    assert await raw.json().get(model.key) == {  # type: ignore[misc]
        "name": "room",
        "shelf": {"n": 1},
        "maybe_shelf": {"n": 1},
    }
    assert set(model.redis_dump()) == {"name", "shelf", "maybe_shelf"}


async def test_what_a_queue_shares_with_other_fields() -> None:
    model = await room()
    for queue in (model.tasks, model.shelf.tasks):
        assert isinstance(queue.redis, Redis)
        assert queue.client is queue.redis
        assert queue.pipeline is None
        assert queue.Meta is QueueRoom.Meta
        async with model.apipeline():
            await queue.apush("a", 1)
            assert queue.pipeline is not None
            assert len(queue.pipeline.commands) == 1
            client: Any = queue.client
            assert client.commands == queue.pipeline.commands
        assert await queue.redis.zcard(queue.special_key) == 1
    with pytest.raises(UnlinkedValueError, match="this RedisPriorityQueue belongs to no model"):
        _ = RedisPriorityQueue[int]().redis


# --- the life of the model -------------------------------------------------------------------------------


async def test_saving_and_loading_leave_the_queue_alone(rapyer_redis_url: str) -> None:
    model = await filled()
    async with sent_to(rapyer_redis_url) as sent:
        await model.asave()
        await getattr(model.shelf, "asave")()  # noqa: B009 - it is a model of ours by now
        assert "ZADD" not in " ".join(await sent.lines())
    assert await contents(model) == FILLED
    loaded = await QueueRoom.aget(model.key)
    assert loaded == model
    assert await contents(loaded) == FILLED
    held = model.tasks
    assert (await model.aload()).tasks is held
    assert await model.tasks.asave_special() is held
    (found,) = [found async for found in _found(model.key)]
    assert await contents(found) == FILLED


async def _found(key: str) -> Any:
    for model in await QueueRoom.afind(key):
        yield model


async def test_a_push_of_another_shows_at_once() -> None:
    """§13.7, §13.8."""
    model, other = await room(), await room()
    loaded = await QueueRoom.aget(model.key)
    await loaded.tasks.apush("a", 1)
    assert await model.tasks.asize() == 1
    assert await (await model.aload()).tasks.asize() == 1
    found = await QueueRoom.afind(model.key, other.key)
    assert [await one.tasks.asize() for one in found] == [1, 0]


async def test_a_required_queue_is_loaded() -> None:
    model = await QueueRequired(tasks=RedisPriorityQueue()).asave()
    assert await (await QueueRequired.aget(model.key)).tasks.asize() == 0
    with pytest.raises(ValidationError, match="Field required"):
        QueueRequired()  # type: ignore[call-arg]


async def test_pushes_need_no_saved_model(raw: Redis) -> None:
    model = QueueRoom()
    await model.tasks.apush("early", 1)
    assert await raw.exists(model.key) == 0
    await model.asave()
    assert await (await QueueRoom.aget(model.key)).tasks.apop() == "early"


async def test_an_optional_queue_is_there_if_its_key_is() -> None:
    model = await room()
    assert model.maybe is None
    model.maybe = RedisPriorityQueue()
    await model.asave()
    assert (await QueueRoom.aget(model.key)).maybe is None  # nothing was pushed, so there is no key
    await model.maybe.apush("a", 1)
    loaded = await QueueRoom.aget(model.key)
    assert loaded.maybe is not None
    assert await loaded.maybe.aitems() == [Item("a", 1.0)]
    (found,) = await QueueRoom.afind(model.key)
    assert found.maybe is not None
    assert await found.maybe.apeek() == "a"


async def test_an_optional_queue_that_is_none_is_deleted(raw: Redis) -> None:
    model = await filled()
    assert model.maybe is not None
    key = model.maybe.special_key
    loaded = await QueueRoom.aget(model.key)
    loaded.maybe = None
    await loaded.asave()
    assert await raw.exists(key) == 0
    again = await filled()
    assert again.maybe is not None
    key = again.maybe.special_key
    async with again.apipeline():
        again.maybe = None
        assert await raw.exists(key) == 1
    assert await raw.exists(key) == 0


async def test_assigning_a_queue_keeps_what_is_stored() -> None:
    model, other = await room(), await room()
    await model.tasks.apush("a", 1)
    await other.tasks.apush("b", 1)
    model.tasks = other.tasks
    assert model.tasks is not other.tasks
    assert await model.tasks.aitems() == [Item("a", 1.0)]
    assert await other.tasks.aitems() == [Item("b", 1.0)]
    async with apipeline():
        model.tasks = RedisPriorityQueue()
    await model.asave()
    assert await model.tasks.aitems() == [Item("a", 1.0)]


async def test_all_that_stores_a_model_leaves_working_queues() -> None:
    """§13.6, §13.14."""
    first, second, third = QueueRoom(), QueueRoom(), QueueRoom()
    await QueueRoom.ainsert(first)
    await ainsert(second)
    created = (await QueueRoom.aget_or_create(third)).value
    for model in (first, second, created):
        await model.tasks.apush("a", 1)
        await model.shelf.tasks.apush("b", 2)
        loaded = await QueueRoom.aget(model.key)
        assert await loaded.tasks.apop() == "a"
        assert await loaded.shelf.tasks.apop() == "b"
    await third.tasks.apush("kept", 1)
    found = await QueueRoom.aget_or_create(third)
    assert await found.value.tasks.apeek() == "kept"


async def test_a_queue_that_outlived_its_model_is_adopted(raw: Redis) -> None:
    model = await room()
    await model.tasks.apush("kept", 1)
    await raw.delete(model.key)
    await model.asave()
    assert await model.tasks.apeek() == "kept"


async def test_aduplicate_copies_the_queues() -> None:
    """W7, §13.10: declared without `exclude`, copy and source are two queues, also at once."""
    model = await filled()
    copied = await model.aduplicate()
    assert await contents(copied) == FILLED
    assert model.tasks.key == model.key
    assert copied.tasks.key == copied.key
    await copied.tasks.apush("new", -1)
    await copied.shelf.tasks.aclear()
    assert await contents(model) == FILLED
    assert await contents(await QueueRoom.aget(model.key)) == FILLED
    first, second = await model.aduplicate_many(2)
    assert (await first.tasks.apop(), await second.tasks.apop()) == ("0", "0")
    target = await room()
    await model.tasks.aduplicate_special(target.key)
    assert await target.tasks.aitems() == FILLED[0]


@pytest.mark.parametrize("how", ["instance", "by_key", "many", "package"])
async def test_deleting_a_model_deletes_its_queues(raw: Redis, how: str) -> None:
    """§13.5, §13.12."""
    model, empty = await filled(), await room()
    for one in (model, empty):
        if how == "instance":
            assert await one.adelete() is True
        elif how == "by_key":
            assert await QueueRoom.adelete_by_key(one.key) is True
        elif how == "many":
            await QueueRoom.adelete_many(one)
        else:
            await adelete_many(one.key)
    assert await raw.keys("*") == []


async def test_one_queue_can_be_deleted_alone(raw: Redis) -> None:
    model = await filled()
    assert await model.tasks.adelete_special() is True
    assert await model.tasks.adelete_special() is False
    assert await contents(model) == [[], *FILLED[1:]]


async def test_listing_a_class_does_not_meet_its_queues() -> None:
    """§13.4."""
    model = await filled()
    assert await QueueRoom.afind_keys() == [model.key]


async def test_an_index_on_a_queue_is_refused() -> None:
    with pytest.raises((UnsupportedIndexedFieldError, UnsupportedFieldError), match="tasks"):

        class QueueIndexed(AtomicRedisModel):
            tasks: Index[RedisPriorityQueue[str]] = RedisPriorityQueue()

        await QueueIndexed.acreate_index()


@pytest.mark.parametrize(
    "annotation", [list[RedisPriorityQueue[str]], dict[str, RedisPriorityQueue[str]], list[QueueShelf]]
)
def test_queues_in_lists_and_dicts_are_refused(annotation: Any) -> None:
    with pytest.raises(UnsupportedFieldError, match="things holds a RedisPriorityQueue in a list or dict"):
        type("QueueListed", (AtomicRedisModel,), {"__annotations__": {"things": annotation}})


# --- time to live ----------------------------------------------------------------------------------------


async def test_a_queue_lives_as_long_as_its_model(raw: Redis) -> None:
    """§13.11, W4."""
    model = await QueueExpiring().asave()
    await raw.expire(model.key, 50)
    await model.tasks.apush("a", 1)
    await model.shelf.tasks.apush("b", 1)
    for key in (model.key, model.tasks.special_key, model.shelf.tasks.special_key):
        assert 900 < await raw.ttl(key) <= 1000
    QueueExpiring.Meta.refresh_ttl = False
    try:
        await raw.expire(model.key, 50)
        await model.tasks.aclear()
        await model.tasks.apush("a", 1)
        assert 0 < await raw.ttl(model.tasks.special_key) <= 50
        await model.aset_ttl(70)
        assert 50 < await raw.ttl(model.tasks.special_key) <= 70
        assert 50 < await raw.ttl(model.shelf.tasks.special_key) <= 70
    finally:
        QueueExpiring.Meta.refresh_ttl = True


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("apush", "UPDATE APPEND"),
        ("apush_many", "UPDATE APPEND"),
        ("apop", "UPDATE ERASE READ"),
        ("apop_max", "UPDATE ERASE READ"),
        ("apop_item", "UPDATE ERASE READ"),
        ("apop_many", "UPDATE ERASE READ"),
        ("apop_corrupt", "UPDATE ERASE READ"),
        ("aremove", "UPDATE ERASE"),
        ("aclear", "UPDATE ERASE"),
        ("apeek", "READ"),
        ("apeek_item", "READ"),
        ("asize", "READ"),
        ("aitems", "READ"),
        ("arange", "READ"),
    ],
)
async def test_each_operation_starts_the_time_to_live_anew(raw: Redis, name: str, groups: str) -> None:
    """§5.3, §13.46."""
    arguments: dict[str, Any] = {
        "apush": ("a", 1),
        "apush_many": ([Item("a", 1)],),
        "apop_many": (1,),
        "aremove": ("a",),
    }
    model = await QueueExpiring().asave()
    own = [ActionGroup[group] for group in groups.split()]
    try:
        for group in ActionGroup:
            if group is ActionGroup.DELETE:
                continue
            QueueExpiring.Meta.refresh_ttl = group
            await model.tasks.apush_many([Item("x", 1), Item("y", 2)])
            await raw.expire(model.key, 50)
            await getattr(model.tasks, name)(*arguments.get(name, ()))
            assert (await raw.ttl(model.key) > 900) is (group in own), group
    finally:
        QueueExpiring.Meta.refresh_ttl = True
