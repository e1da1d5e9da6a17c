"""Queue fields where they meet the rest of a model's life: bulk operations, refusals, other clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Optional, TypeVar

import pytest
from pydantic import BaseModel, Field, ValidationError
from redis.asyncio import Redis

import rapyer
from rapyer import AtomicRedisModel, init_rapyer
from rapyer.errors import UpdateAtomicModelError
from rapyer.types import PriorityQueueItem, RedisPriorityQueue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.usefixtures("source")

Item = PriorityQueueItem
T = TypeVar("T")


class EdgeQueuePart(BaseModel):
    tasks: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)


class EdgeQueueDesk(AtomicRedisModel):
    name: str = "desk"
    tasks: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)
    part: EdgeQueuePart = Field(default_factory=EdgeQueuePart)
    maybe: Optional[RedisPriorityQueue[int]] = None  # noqa: UP045


class EdgeQueueBox(AtomicRedisModel, Generic[T]):
    tasks: RedisPriorityQueue[T] = Field(default_factory=RedisPriorityQueue)
    part: EdgeQueuePart | None = None


async def desk(**fields: Any) -> Any:
    model: Any = await EdgeQueueDesk(**fields).asave()
    await model.tasks.apush("outer", 1)
    await model.part.tasks.apush("inner", 2)
    return model


async def contents(model: Any) -> tuple[list[Any], list[Any]]:
    return await model.tasks.aitems(), await model.part.tasks.aitems()


FILLED = [Item("outer", 1.0)], [Item("inner", 2.0)]


# --- storing and finding many -----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["class", "package", "error", "skip"])
async def test_many_models_that_are_inserted_together_have_queues_of_their_own(how: str) -> None:
    models: list[Any] = [EdgeQueueDesk(name=str(number)) for number in range(4)]
    if how == "package":
        await rapyer.ainsert(*models)
    else:
        await EdgeQueueDesk.ainsert(*models, on_conflict="replace" if how == "class" else how)  # type: ignore[arg-type]
    for model in models:
        await model.tasks.apush(model.name, 1)
        await model.part.tasks.apush(f"inner {model.name}", 1)
    found: list[Any] = await EdgeQueueDesk.afind(*(model.key for model in models))
    for number, one in enumerate(found):
        assert await contents(one) == ([Item(str(number), 1.0)], [Item(f"inner {number}", 1.0)])
        assert await one.tasks.apop() == str(number)
        assert await models[number].tasks.asize() == 0


@pytest.mark.parametrize("how", ["ainsert", "ainsert_package", "asave", "asave_in_a_pipeline"])
async def test_storing_a_model_again_leaves_its_queues_as_they_are(how: str) -> None:
    model = await desk()
    if how == "ainsert":
        await EdgeQueueDesk.ainsert(model)
    elif how == "ainsert_package":
        await rapyer.ainsert(model)
    elif how == "asave":
        await model.asave()
    else:
        async with rapyer.apipeline():
            await model.asave()
    assert await contents(model) == FILLED


async def test_found_models_have_queues_that_work() -> None:
    first, second = await desk(name="a"), await desk(name="b")
    for found in (
        await EdgeQueueDesk.afind(first.key, second.key),
        await rapyer.afind(first.key, second.key),
        sorted(await EdgeQueueDesk.afind(), key=lambda one: [first.key, second.key].index(one.key)),
    ):
        for one in found:
            assert await contents(one) == FILLED
        await found[0].tasks.apush("more", 0)
        assert await first.tasks.apop() == "more"
        assert await second.tasks.asize() == 1


async def test_every_way_to_delete_many_leaves_no_queue(raw: Redis) -> None:
    deletes: list[Callable[[list[Any]], Awaitable[Any]]] = [
        lambda models: EdgeQueueDesk.adelete_many(*models),
        lambda models: EdgeQueueDesk.adelete_many(*(model.key for model in models)),
        lambda models: rapyer.adelete_many(*models),
        lambda models: rapyer.adelete_many(models[0], *(model.key for model in models[1:])),
    ]
    for delete in deletes:
        result = await delete([await desk() for _ in range(3)])
        assert (result.models_deleted, result.keys_deleted) == (3, 9)
        assert await raw.keys("*") == []


# --- refusals that change nothing -------------------------------------------------------------------------------


async def test_aupdate_refuses_a_queue_and_changes_nothing(raw: Redis) -> None:
    model = await desk()
    for given in (RedisPriorityQueue(), ["x"], None):
        with pytest.raises(
            UpdateAtomicModelError, match=r"EdgeQueueDesk\.tasks cannot be set by aupdate.*its own methods"
        ) as raised:
            await model.aupdate(name="changed", tasks=given)
        assert raised.value.field == "tasks"
        async with model.apipeline():
            with pytest.raises(UpdateAtomicModelError):
                await model.aupdate(name="changed", tasks=given)
    assert model.name == "desk"
    assert (await EdgeQueueDesk.aget(model.key)).name == "desk"
    assert await contents(model) == FILLED


@pytest.mark.parametrize("bad", [["a"], 5, None, "x", {"a": 1}])
async def test_a_model_is_not_made_with_the_items_of_a_queue(raw: Redis, bad: Any) -> None:
    said = r"EdgeQueueDesk\ntasks\n  a queue field takes a RedisPriorityQueue\(\); push its items when"
    with pytest.raises(ValidationError, match=said):
        EdgeQueueDesk(tasks=bad)
    with pytest.raises(ValidationError, match=r"EdgeQueuePart\ntasks\n|part\.tasks\n"):
        EdgeQueueDesk(part={"tasks": bad})
    model = await desk()
    for assign in (lambda: setattr(model, "tasks", bad), lambda: model.update(tasks=bad)):
        with pytest.raises(ValidationError, match="a queue field takes"):
            assign()
    async with model.apipeline() as same:
        with pytest.raises(ValidationError, match="a queue field takes"):
            same.tasks = bad
        assert same.tasks.pipeline.commands == ()
    assert await contents(model) == FILLED
    made: Any = await EdgeQueueDesk(tasks=RedisPriorityQueue()).asave()
    assert await made.tasks.asize() == 0


# --- other classes, other clients -------------------------------------------------------------------------------


async def test_a_generic_class_with_an_optional_part_keeps_all_its_queues(raw: Redis) -> None:
    box: Any = await EdgeQueueBox[int](part=EdgeQueuePart()).asave()
    await box.tasks.apush("5", 2)
    await box.part.tasks.apush("x", 1)
    assert set(await raw.keys("__rapyer_special__:*")) == {
        f"__rapyer_special__:EdgeQueueBox[int]:{box.pk}:tasks",
        f"__rapyer_special__:EdgeQueueBox[int]:{box.pk}:part.tasks",
    }
    loaded: Any = await EdgeQueueBox[int].aget(box.key)
    assert (await loaded.tasks.apop(), await loaded.part.tasks.apop()) == (5, "x")
    copied: Any = await box.aduplicate()
    await copied.part.tasks.apush("y", 1)
    assert await box.part.tasks.asize() == 0
    for one in (box, copied):
        await one.adelete()
    assert await raw.keys("*") == []


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decode", [False, True])
async def test_every_client_gives_the_same_values_and_priorities(
    rapyer_redis_url: str, decode: bool, protocol: int
) -> None:
    client: Redis = Redis.from_url(rapyer_redis_url, decode_responses=decode, protocol=protocol)
    await init_rapyer(client)
    try:
        model = await desk(maybe=RedisPriorityQueue())
        await model.maybe.apush(3, -0.5)
        await model.tasks.apush("é", float("-inf"))
        assert await model.tasks.aitems() == [Item("é", float("-inf")), Item("outer", 1.0)]
        assert await model.tasks.apush("é", 2, only_if="higher") is True
        assert await model.tasks.arange(1.5) == [Item("é", 2.0)]
        assert (await model.tasks.apeek(), await model.tasks.asize()) == ("outer", 2)
        assert await model.tasks.apeek_item(highest=True) == Item("é", 2.0)
        loaded: Any = await EdgeQueueDesk.aget(model.key)
        assert await loaded.maybe.apop_item() == Item(3, -0.5)
        assert await loaded.tasks.apop_max() == "é"
        assert await loaded.tasks.apop_many(5) == ["outer"]
        assert await loaded.tasks.apop(timeout=0.05) is None
        assert await loaded.part.tasks.aremove("inner") is True
    finally:
        await rapyer.teardown_rapyer()
