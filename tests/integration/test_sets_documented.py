"""Sets and action groups as they are documented: each example as it stands, and each statement beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

import pytest
from pydantic import Field

from rapyer import ActionGroup, AtomicRedisModel
from rapyer.errors import InvalidRefreshTtlError, UnsupportedOperationError, UpdateAtomicModelError
from rapyer.types import RedisSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class DocumentedArticle(AtomicRedisModel):
    title: str = "untitled"
    tags: RedisSet[str] = Field(default_factory=RedisSet)


class DocumentedPlain(AtomicRedisModel):
    tags: set[str] = Field(default_factory=set)


class DocumentedNumbers(AtomicRedisModel):
    values: RedisSet[int] = Field(default_factory=RedisSet)


class DocumentedFlags(AtomicRedisModel):
    bits: RedisSet[bool] = Field(default_factory=RedisSet)


class DocumentedWorker(AtomicRedisModel):
    name: str = "default"
    tags: Optional[RedisSet[str]] = None  # noqa: UP045 - as it is documented


class DocumentedSession(AtomicRedisModel):
    user_id: str
    events: list[str] = []


async def article(*tags: str) -> DocumentedArticle:
    return await DocumentedArticle(title="Hello Redis", tags=set(tags)).asave()


async def stored(raw: Redis, model: Any) -> set[Any]:
    return set(await raw.smembers(f"__rapyer_special__:{type(model).__name__}:{model.pk}:tags"))


async def test_basic_usage(raw: Redis) -> None:
    article = DocumentedArticle(title="Hello Redis")
    await article.asave()
    await article.tags.aadd("python")
    await article.tags.aadd("redis")
    await article.tags.aadd("python")
    assert await article.tags.acontains("python") is True
    assert await article.tags.asize() == 2
    assert await article.tags.amembers() == {"python", "redis"}
    assert await stored(raw, article) == {'"python"', '"redis"'}


def test_plain_sets_become_redis_sets() -> None:
    assert isinstance(DocumentedPlain().tags, RedisSet)
    assert isinstance(DocumentedPlain(tags={"x"}).tags, RedisSet)


async def test_elements_of_any_json_type() -> None:
    numbers: Any = await DocumentedNumbers(values={1}).asave()
    await numbers.values.aadd_many([2, 3])
    assert await numbers.values.amembers() == {1, 2, 3}
    flags: Any = await DocumentedFlags().asave()
    await flags.bits.aadd(True)
    (bit,) = await flags.bits.amembers()
    assert bit is True


async def test_each_async_operation() -> None:
    model: Any = await article()
    assert await model.tags.aadd("a") is None
    assert await model.tags.aadd_many(["b", "c", "b"]) is None
    assert await model.tags.aremove("a") is True
    assert await model.tags.aremove("a") is False
    popped = await model.tags.apop()
    assert popped in {"b", "c"}
    assert await model.tags.acontains(popped) is False
    assert await model.tags.asize() == 1
    assert type(await model.tags.amembers()) is set
    assert await model.tags.aclear() is None
    assert await model.tags.apop() is None
    assert await model.tags.amembers() == set()


async def test_set_algebra_across_models() -> None:
    a, b, c = DocumentedArticle(title="A"), DocumentedArticle(title="B"), DocumentedArticle(title="C")
    for model in (a, b, c):
        await model.asave()
    await a.tags.aadd_many(["alpha", "beta", "gamma"])
    await b.tags.aadd_many(["gamma", "delta"])
    assert await a.tags.aunion(b.tags) == {"alpha", "beta", "gamma", "delta"}
    assert await a.tags.aintersect(b.tags) == {"gamma"}
    assert await a.tags.adifference(b.tags) == {"alpha", "beta"}
    await c.tags.aadd_many(["alpha", "gamma", "omega"])
    assert await a.tags.aunion(b.tags, c.tags) == {"alpha", "beta", "gamma", "delta", "omega"}
    assert await a.tags.aintersect(b.tags, c.tags) == {"gamma"}
    assert await a.tags.adifference(b.tags, c.tags) == {"beta"}
    assert await a.tags.aunion() == await a.tags.amembers() == {"alpha", "beta", "gamma"}


async def test_the_pipeline_example() -> None:
    model = await article("legacy")
    async with model.apipeline():
        model.tags.add("python")
        model.tags.update(["redis", "asyncio"])
        model.tags.discard("legacy")
        model.tags |= {"backend"}
        assert await model.tags.amembers() == {"legacy"}
    assert await model.tags.amembers() == {"python", "redis", "asyncio", "backend"}


def _applied(name: str, operand: Any) -> Callable[[Any], None]:
    def apply(model: Any) -> None:
        model.tags = getattr(model.tags, name)(operand)

    return apply


MUTATORS: dict[str, tuple[Callable[[Any], Any], set[str]]] = {
    "add": (lambda m: m.tags.add("n"), {"a", "b", "theirs", "n"}),
    "update": (lambda m: m.tags.update(["n"], ("o",)), {"a", "b", "theirs", "n", "o"}),
    "remove": (lambda m: m.tags.remove("theirs"), {"a", "b"}),
    "discard": (lambda m: m.tags.discard("a"), {"b", "theirs"}),
    "clear": (lambda m: m.tags.clear(), set()),
    "difference_update": (lambda m: m.tags.difference_update(["a"], ["theirs"]), {"b"}),
    "intersection_update": (lambda m: m.tags.intersection_update(["a", "theirs", "x"]), {"a", "theirs"}),
    "symmetric_difference_update": (
        lambda m: m.tags.symmetric_difference_update(["a", "n"]),
        {"b", "theirs", "n"},
    ),
    "|=": (_applied("__ior__", {"n"}), {"a", "b", "theirs", "n"}),
    "&=": (_applied("__iand__", {"theirs"}), {"theirs"}),
    "-=": (_applied("__isub__", {"a"}), {"b", "theirs"}),
    "^=": (_applied("__ixor__", {"theirs", "n"}), {"a", "b", "n"}),
}


@pytest.mark.parametrize("name", MUTATORS)
async def test_each_sync_mutator_counts_from_what_redis_holds(name: str) -> None:
    """The local set is never used to overwrite it: it lacks what somebody else has added."""
    mutate, expected = MUTATORS[name]
    model = await article("a", "b")
    theirs = await DocumentedArticle.aget(model.key)
    await theirs.tags.aadd("theirs")
    async with model.apipeline():
        mutate(model)
    assert await model.tags.amembers() == expected
    await model.asave()
    assert await model.tags.amembers() == expected


async def test_there_is_no_sync_pop() -> None:
    model = await article("a")
    with pytest.raises(UnsupportedOperationError, match="apop"):
        model.tags.pop()
    assert model.tags == await model.tags.amembers() == {"a"}


async def test_removing_what_is_missing_raises_outside_of_a_pipeline_alone(raw: Redis) -> None:
    model = await article("a")
    with pytest.raises(KeyError):
        model.tags.remove("missing")
    await raw.sadd(model.tags.special_key, '"missing"')
    async with model.apipeline():
        model.tags.remove("missing")
        model.tags.remove("nowhere")
    assert await model.tags.amembers() == {"a"}


async def test_optional_fields() -> None:
    worker: Any = DocumentedWorker()
    await worker.asave()
    worker.tags = RedisSet()
    await worker.tags.aadd("ready")
    loaded: Any = await DocumentedWorker.aget(worker.key)
    assert loaded.tags == await loaded.tags.amembers() == {"ready"}


async def test_the_key_is_saved_deleted_and_expires_with_the_model(raw: Redis) -> None:
    DocumentedArticle.Meta.ttl = 500
    model = await article("a")
    key = f"__rapyer_special__:DocumentedArticle:{model.pk}:tags"
    assert model.tags.special_key == key
    assert 490 < await raw.ttl(key) <= 500
    assert (await raw.json().get(model.key)) == {"title": "Hello Redis"}
    await model.adelete()
    assert await raw.exists(key, model.key) == 0


async def test_aupdate_refuses_a_set() -> None:
    model = await article("a")
    with pytest.raises(UpdateAtomicModelError, match="tags"):
        await model.aupdate(tags={"x"})
    await model.tags.aadd("x")
    assert await model.tags.amembers() == {"a", "x"}


# --- action groups ----------------------------------------------------------------------------------------------


async def test_options_that_are_set_after_the_class_decide(raw: Redis) -> None:
    DocumentedSession.Meta.ttl = 1800
    DocumentedSession.Meta.refresh_ttl = ActionGroup.UPDATE | ActionGroup.APPEND
    session: Any = await DocumentedSession(user_id="ada").asave()
    assert 1790 < await raw.ttl(session.key) <= 1800
    await raw.expire(session.key, 50)
    await DocumentedSession.aget(session.key)
    assert await raw.ttl(session.key) <= 50
    await session.events.aappend("login")
    assert await raw.ttl(session.key) > 1790
    DocumentedSession.Meta.refresh_ttl = ActionGroup.all(for_ttl=True)
    await raw.expire(session.key, 50)
    await DocumentedSession.aget(session.key)
    assert await raw.ttl(session.key) > 1790


async def test_the_first_time_is_set_without_any_refresh(raw: Redis) -> None:
    DocumentedSession.Meta.ttl = 1800
    DocumentedSession.Meta.refresh_ttl = False
    session = await DocumentedSession(user_id="ada").asave()
    assert await raw.ttl(session.key) > 1790


@pytest.mark.parametrize(
    "chosen", [ActionGroup.DELETE, ActionGroup.all(), ActionGroup.DELETE | ActionGroup.READ]
)
def test_delete_is_refused(chosen: ActionGroup) -> None:
    with pytest.raises(InvalidRefreshTtlError):
        DocumentedSession.Meta.refresh_ttl = chosen
    assert DocumentedSession.Meta.refresh_ttl is True


def test_flags_combine_and_are_tested() -> None:
    both = ActionGroup.UPDATE | ActionGroup.APPEND
    assert both & ActionGroup.UPDATE
    assert not both & ActionGroup.READ
    assert ActionGroup.all() & ActionGroup.DELETE
    assert not ActionGroup.all(for_ttl=True) & ActionGroup.DELETE
