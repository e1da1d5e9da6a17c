"""Deletions that go on to the models that a model refers to by fields marked `CascadeDelete`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel

import rapyer
from rapyer import AtomicRedisModel, Index, Key, RapyerDeleteResult
from rapyer.cascade import CascadeDelete, CascadeTTL
from rapyer.errors import (
    BadDeleteActionError,
    CrossSourceError,
    InvalidCascadeDepthError,
    MissingParameterError,
    WrongTypeError,
)
from rapyer.model import cascade_delete
from rapyer.session import observe
from rapyer.session.clients import ClientSource
from rapyer.types import RedisPriorityQueue, Reference

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class DeleteLeaf(AtomicRedisModel):
    name: Key[str]
    labels: set[str] = set()


class DeleteOther(AtomicRedisModel):
    name: Key[str]


class DeletePart(BaseModel):
    leaf: Annotated[Reference[DeleteLeaf], CascadeDelete] | None = None


class DeleteRoot(AtomicRedisModel):
    name: Key[str]
    one: Annotated[Reference[DeleteLeaf] | None, CascadeDelete()] = None
    many: Annotated[list[Reference[DeleteLeaf]], CascadeDelete()] = []
    by_name: dict[str, Annotated[Reference[DeleteLeaf], CascadeDelete()]] = {}
    members: Annotated[set[Reference[DeleteLeaf]], CascadeDelete()] = set()
    groups: Annotated[dict[str, set[Reference[DeleteLeaf]]], CascadeDelete()] = {}
    queue: Annotated[RedisPriorityQueue[Reference[DeleteLeaf]], CascadeDelete()] = RedisPriorityQueue()
    either: Annotated[Reference[DeleteLeaf | DeleteOther] | None, CascadeDelete()] = None
    part: DeletePart = DeletePart()
    parts: list[DeletePart] = []
    unmarked: Reference[DeleteLeaf] | None = None
    lives: Annotated[Reference[DeleteLeaf] | None, CascadeTTL(enabled=False)] = None
    exempt: Annotated[Reference[DeleteLeaf] | None, CascadeDelete(enabled=False)] = None
    tags: set[str] = set()


class DeleteNode(AtomicRedisModel):
    name: Key[str]
    next: Annotated[list[Reference[DeleteNode]], CascadeDelete()] = []
    near: Annotated[list[Reference[DeleteNode]], CascadeDelete(depth=0)] = []
    two: Annotated[list[Reference[DeleteNode]], CascadeDelete(1)] = []
    tags: set[str] = set()


DeleteNode.model_rebuild()


class DeleteIndexed(AtomicRedisModel):
    name: Key[str]
    number: Index[int] = 0
    leaf: Annotated[Reference[DeleteLeaf] | None, CascadeDelete()] = None


async def leaves(*names: str) -> list[DeleteLeaf]:
    """Store leaves, each with a set beside it."""
    return [await DeleteLeaf(name=name, labels={"x"}).asave() for name in names]


async def stored(raw: Redis) -> list[str]:
    """Return the keys of what is stored, without what lives beside it."""
    return sorted(key for key in await raw.keys() if not key.startswith("__"))


FORMS: dict[str, Any] = {
    "one": "DeleteLeaf:a",
    "many": ["DeleteLeaf:a", "DeleteLeaf:gone"],
    "by_name": {"x": "DeleteLeaf:a"},
    "members": ["DeleteLeaf:a"],
    "groups": {"g": ["DeleteLeaf:a"]},
    "either": "DeleteLeaf:a",
    "part": {"leaf": "DeleteLeaf:a"},
    "parts": [{}, {"leaf": "DeleteLeaf:a"}],
}


@pytest.mark.parametrize("field", FORMS)
async def test_what_a_marked_field_holds_goes_with_what_lives_beside_it(field: str, raw: Redis) -> None:
    await leaves("a", "b")
    root = await DeleteRoot(name="r", tags={"t"}, unmarked="DeleteLeaf:b", **{field: FORMS[field]}).asave()
    assert await root.adelete(cascade=True) is True
    assert await raw.keys("*:a*") == []
    assert await raw.keys("*DeleteRoot*") == []
    assert len(await raw.keys("*DeleteLeaf:b*")) == 2
    assert await root.adelete(cascade=True) is False


async def test_a_queue_is_followed_and_goes(raw: Redis) -> None:
    await leaves("a")
    root = await DeleteRoot(name="r").asave()
    await root.queue.apush(Reference("DeleteLeaf:a"), 1)
    assert await root.adelete(cascade=True)
    assert await raw.keys() == []


@pytest.mark.parametrize("field", ["unmarked", "lives", "exempt"])
async def test_other_fields_are_not_followed(field: str, raw: Redis) -> None:
    await leaves("a")
    root = await DeleteRoot(name="r", **{field: "DeleteLeaf:a"}).asave()
    assert await root.adelete(cascade=True)
    assert await stored(raw) == ["DeleteLeaf:a"]


async def test_without_cascade_nothing_changes(raw: Redis) -> None:
    await leaves("a")
    roots = [await DeleteRoot(name=name, one="DeleteLeaf:a").asave() for name in "abcd"]
    assert await roots[0].adelete() is True
    assert type(await DeleteRoot.adelete_many(roots[1])) is rapyer.DeleteResult
    assert (await rapyer.adelete_many(roots[2])).models_deleted == 1
    await DeleteRoot.adelete_by_key("d")
    assert await stored(raw) == ["DeleteLeaf:a"]


async def test_a_class_without_marked_fields_is_simply_deleted(
    monkeypatch: pytest.MonkeyPatch, raw: Redis
) -> None:
    names = sent_names(monkeypatch)
    (one, two, three) = await leaves("a", "b", "c")
    names.clear()
    assert await one.adelete(cascade=True) is True
    assert (await DeleteLeaf.adelete_many(two, "gone", cascade=True)).models_missing == 1
    assert (await rapyer.adelete_many(three, cascade=True)).by_model == {DeleteLeaf: 1}
    assert len(names) == 3
    assert await raw.keys() == []


async def test_cycles_and_diamonds_end_and_everything_goes_once(raw: Redis) -> None:
    await DeleteNode(name="a", next=["DeleteNode:b", "DeleteNode:c"], tags={"t"}).asave()
    await DeleteNode(name="b", next=["DeleteNode:d"]).asave()
    await DeleteNode(name="c", next=["DeleteNode:d", "DeleteNode:c"], tags={"t"}).asave()
    await DeleteNode(name="d", next=["DeleteNode:a", "DeleteNode:gone"]).asave()
    await DeleteNode(name="other", next=["DeleteNode:a"]).asave()
    result = await DeleteNode.adelete_many("a", "missing", cascade=True)
    assert result == RapyerDeleteResult(
        models_deleted=4, keys_deleted=6, models_missing=1, by_model={DeleteNode: 4}
    )
    assert await stored(raw) == ["DeleteNode:other"]


async def chain(field: str) -> None:
    """Store a – b – c – d, the first linked by a field, the others by `next`."""
    await DeleteNode(name="a", **{field: ["DeleteNode:b"]}).asave()
    await DeleteNode(name="b", next=["DeleteNode:c"]).asave()
    await DeleteNode(name="c", next=["DeleteNode:d"]).asave()
    await DeleteNode(name="d").asave()


@pytest.mark.parametrize(("field", "left"), [("near", ["c", "d"]), ("two", ["d"]), ("next", [])])
async def test_the_depth_limits_how_far_it_goes(field: str, left: list[str], raw: Redis) -> None:
    await chain(field)
    assert (await DeleteNode.adelete_many("a", cascade=True)).models_deleted == 4 - len(left)
    assert await stored(raw) == [f"DeleteNode:{name}" for name in left]


@pytest.mark.parametrize("other", ["x", "0"])
async def test_of_several_ways_the_one_that_allows_most_counts(other: str, raw: Redis) -> None:
    await chain("near")
    await DeleteNode(name=other, next=["DeleteNode:y"]).asave()
    await DeleteNode(name="y", next=["DeleteNode:b"]).asave()
    await DeleteNode.adelete_many("a", other, cascade=True)
    assert await stored(raw) == []


async def test_models_of_a_class_that_the_field_cannot_name_stay(raw: Redis) -> None:
    await leaves("a", "other")
    await DeleteOther(name="other").asave()
    await DeleteNode(name="n").asave()
    root = await DeleteRoot(name="r", many=["DeleteLeaf:a"], either="DeleteOther:other").asave()
    await raw.json().set(root.key, "$.one", "DeleteNode:n")
    await raw.json().arrappend(root.key, "$.many", "DeleteNode:n", "", 5, None, "Nobody:1")
    assert await root.adelete(cascade=True)
    assert await stored(raw) == ["DeleteLeaf:other", "DeleteNode:n"]


async def test_a_primary_key_alone_is_followed_where_one_class_is_meant(raw: Redis) -> None:
    await leaves("a", "b")
    await DeleteOther(name="b").asave()
    await raw.json().set("DeleteRoot:r", "$", {"name": "r", "one": "a", "either": "b"})
    assert (await DeleteRoot.adelete_many("r", cascade=True)).models_deleted == 2
    assert await stored(raw) == ["DeleteLeaf:b", "DeleteOther:b"]


async def test_what_is_left_beside_a_missing_document_leads_nowhere(raw: Redis) -> None:
    await leaves("a")
    root = await DeleteRoot(name="r", members=["DeleteLeaf:a"]).asave()
    await raw.delete(root.key)
    result = await DeleteRoot.adelete_many("r", cascade=True)
    assert (result.models_deleted, result.models_missing) == (0, 1)
    assert await stored(raw) == ["DeleteLeaf:a"]


async def test_it_goes_by_what_is_stored(raw: Redis) -> None:
    await leaves("a", "b")
    root = await DeleteRoot(name="r", one="DeleteLeaf:a").asave()
    root.one = Reference("DeleteLeaf:b")
    await root.adelete(cascade=True)
    assert await stored(raw) == ["DeleteLeaf:b"]


async def test_many_are_deleted_and_counted_by_class(raw: Redis) -> None:
    await leaves("a", "b", "c")
    await DeleteOther(name="o").asave()
    roots = [
        await DeleteRoot(name="r", many=["DeleteLeaf:a", "DeleteLeaf:b"], tags={"t"}).asave(),
        await DeleteRoot(name="s", either="DeleteOther:o").asave(),
    ]
    result = await rapyer.adelete_many(*roots, "DeleteLeaf:c", "DeleteLeaf:gone", cascade=True)
    assert result.by_model == {DeleteRoot: 2, DeleteLeaf: 3, DeleteOther: 1}
    assert (result.models_deleted, result.keys_deleted, result.models_missing) == (6, 10, 1)
    assert result.was_committed
    assert await raw.keys() == []


async def test_a_dry_run_counts_what_would_go_along(raw: Redis) -> None:
    await leaves("a", "b", "c")
    await DeleteRoot(name="r", many=["DeleteLeaf:a", "DeleteLeaf:gone"], tags={"t"}).asave()
    await DeleteRoot(name="s", one="DeleteLeaf:a", unmarked="DeleteLeaf:c").asave()
    before = sorted(await raw.keys())
    look = await DeleteRoot.adelete_many("r", "s", "none", cascade=True, dry_run=True)
    assert look == RapyerDeleteResult(
        models_deleted=3,
        keys_deleted=look.keys_deleted,
        models_missing=1,
        was_committed=False,
        by_model={DeleteRoot: 2, DeleteLeaf: 1},
    )
    assert sorted(await raw.keys()) == before
    done = await DeleteRoot.adelete_many("r", "s", "none", cascade=True)
    assert isinstance(done, RapyerDeleteResult)
    assert (done.models_deleted, done.by_model) == (3, {DeleteRoot: 2, DeleteLeaf: 1})
    assert done.keys_deleted <= look.keys_deleted
    assert (await DeleteRoot.adelete_many("r", dry_run=True)).models_missing == 1


async def test_a_dry_run_by_a_filter_counts_what_would_go_along(raw: Redis) -> None:
    await DeleteIndexed.acreate_index()
    await leaves("a", "b")
    await DeleteIndexed(name="x", number=1, leaf="DeleteLeaf:a").asave()
    await DeleteIndexed(name="y", number=2, leaf="DeleteLeaf:b").asave()
    look = await DeleteIndexed.adelete_many(DeleteIndexed.number == 1, cascade=True, dry_run=True)
    assert (look.models_deleted, look.was_committed) == (2, False)
    none = await DeleteIndexed.adelete_many(DeleteIndexed.number == 5, cascade=True, dry_run=True)
    assert (none.models_deleted, none.was_committed) == (0, False)
    assert len(await stored(raw)) == 4


async def test_what_filters_describe_takes_its_targets_along(raw: Redis) -> None:
    await leaves("a", "b")
    await DeleteIndexed.acreate_index()
    await DeleteIndexed(name="i", number=5, leaf="DeleteLeaf:a").asave()
    await DeleteIndexed(name="j", number=3, leaf="DeleteLeaf:b").asave()
    result = await DeleteIndexed.adelete_many(DeleteIndexed.number > 4, cascade=True, atomic=True)
    assert result == RapyerDeleteResult(
        models_deleted=2, keys_deleted=3, by_model={DeleteIndexed: 1, DeleteLeaf: 1}
    )
    assert await stored(raw) == ["DeleteIndexed:j", "DeleteLeaf:b"]
    with pytest.raises(MissingParameterError):
        await DeleteIndexed.adelete_many(cascade=True)


async def test_in_a_pipeline_the_deletion_is_queued(raw: Redis) -> None:
    await leaves("a", "b")
    root = await DeleteRoot(name="r", one="DeleteLeaf:a").asave()
    other = await DeleteRoot(name="s", one="DeleteLeaf:b").asave()
    async with rapyer.apipeline():
        assert await root.adelete(cascade=True) is True
        result = await DeleteRoot.adelete_many(other, cascade=True)
        assert (result.was_committed, result.models_deleted, result.keys_deleted) == (False, 2, 2 + 4)
        assert len(await stored(raw)) == 4
    assert await raw.keys() == []


async def test_a_pipeline_that_fails_deletes_nothing(raw: Redis) -> None:
    await leaves("a")
    root = await DeleteRoot(name="r", one="DeleteLeaf:a").asave()
    with pytest.raises(RuntimeError, match="stop"):
        async with rapyer.apipeline():
            await root.adelete(cascade=True)
            raise RuntimeError("stop")
    assert await stored(raw) == ["DeleteLeaf:a", "DeleteRoot:r"]
    await root.adelete(cascade=True)
    assert await raw.keys() == []


async def test_where_a_key_holds_another_type_nothing_is_deleted(raw: Redis) -> None:
    await leaves("a")
    await raw.set("DeleteLeaf:text", "x")
    root = await DeleteRoot(
        name="r", many=["DeleteLeaf:a", "DeleteLeaf:text"], either="DeleteOther:o"
    ).asave()
    before = await raw.keys()
    with pytest.raises(WrongTypeError, match=r"DeleteLeaf:text holds another Redis type.*: a string"):
        await root.adelete(cascade=True)
    with pytest.raises(WrongTypeError, match="DeleteLeaf:text"):
        await DeleteRoot.adelete_many("r", cascade=True)
    assert sorted(await raw.keys()) == sorted(before)
    assert await DeleteRoot.aexists("r")


async def test_an_inner_model_is_not_deleted_alone() -> None:
    inner: Any = DeleteRoot(name="r").part
    with pytest.raises(BadDeleteActionError):
        await inner.adelete(cascade=True)


def sent_names(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the names of the commands of each round trip from here on."""
    sent: list[list[str]] = []
    round_trip = observe.round_trip

    async def noting(client: Redis, requests: Any) -> Any:
        sent.append([str(words[0]) for words in requests])
        return await round_trip(client, requests)

    monkeypatch.setattr(observe, "round_trip", noting)
    return sent


async def test_each_step_is_one_round_trip_and_the_deletion_another(monkeypatch: pytest.MonkeyPatch) -> None:
    for layer in range(3):
        below = [f"DeleteNode:{layer + 1}-{at}" for at in range(20)] if layer < 2 else []
        await DeleteNode.ainsert(*(DeleteNode(name=f"{layer}-{at}", next=below) for at in range(20)))
    await DeleteNode.adelete_many("none", cascade=True)  # the server knows the script now
    sent = sent_names(monkeypatch)
    asked = [f"0-{at}" for at in range(20)]
    result = await DeleteNode.adelete_many(*asked, cascade=True)
    assert result.models_deleted == 60
    assert [names.count("JSON.GET") for names in sent] == [20, 20, 20, 0]
    await DeleteNode.ainsert(*(DeleteNode(name=name) for name in asked))
    monkeypatch.setattr(cascade_delete, "INSTANCES_PER_READ", 8)
    sent.clear()
    await DeleteNode.adelete_many(*asked, cascade=True)
    assert [names.count("JSON.GET") for names in sent] == [8, 8, 4, 0]


class DeleteFar(AtomicRedisModel):
    name: Key[str]


class DeleteNear(AtomicRedisModel):
    name: Key[str]
    far: Annotated[Reference[DeleteFar] | None, CascadeDelete()] = None


async def test_models_on_several_servers_go_server_by_server(rapyer_redis_url: str, raw: Redis) -> None:
    elsewhere = ClientSource.from_url(f"{rapyer_redis_url.partition('?')[0]}?db=1")
    DeleteFar.Meta.redis = elsewhere
    try:
        await DeleteFar(name="f").asave()
        near = await DeleteNear(name="n", far="DeleteFar:f").asave()
        with pytest.raises(CrossSourceError, match="stored on different servers: .*; delete them outside"):
            await DeleteNear.adelete_many(near, cascade=True, atomic=True)
        with pytest.raises(CrossSourceError, match="different servers"):
            async with rapyer.apipeline():
                await near.adelete(cascade=True)
        assert (await DeleteNear.aexists("n"), await DeleteFar.aexists("f")) == (True, True)
        assert (await DeleteNear.adelete_many("n", cascade=True)).models_deleted == 2
        assert (await DeleteNear.aexists("n"), await DeleteFar.aexists("f")) == (False, False)
    finally:
        DeleteFar.Meta.redis = None
        await elsewhere.aclose()


def test_the_mark_takes_a_depth() -> None:
    assert CascadeDelete() == CascadeDelete(None, enabled=True)
    assert (CascadeDelete(2).depth, CascadeDelete(depth=2).enabled) == (2, True)
    assert rapyer.fields.CascadeDelete is CascadeDelete
    wrong: Any = True
    for depth in (-1, wrong):
        with pytest.raises(
            InvalidCascadeDepthError, match=f"the depth of a cascade is {depth}; give 0 or more"
        ):
            CascadeDelete(depth)
