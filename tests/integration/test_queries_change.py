"""Deleting and updating what filters describe."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

import rapyer
from rapyer import AtomicRedisModel, Index, Key, RedisConfig
from rapyer.cascade import CascadeTTL
from rapyer.errors import (
    BadFilterError,
    KeyChangedError,
    MissingParameterError,
    NotIndexedError,
    StaleModelError,
    UnknownFieldError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
    UpdateAtomicModelError,
)
from rapyer.model.registry import registry
from rapyer.search import find
from rapyer.session import executor
from rapyer.types import Reference

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from rapyer.session.clients import ClientSource


class ChangedPart(BaseModel):
    size: Index[int] = 0
    tags: set[str] = set()


class ChangedDoc(AtomicRedisModel):
    age: Index[int] = 0
    state: Index[str] = "free"
    owner: str = ""
    big: Index[int] = 0
    at: Index[dt.datetime | None] = None
    vector: Annotated[list[float] | None, Index(dim=2)] = None
    part: ChangedPart | None = None
    tags: set[str] = set()
    secret: str = Field(default="", exclude=True)
    made: int = Field(default=0, frozen=True)


class ChangedLater(AtomicRedisModel):
    Meta = RedisConfig(ttl=500)
    age: int = 0


class ChangedName(AtomicRedisModel):
    name: Annotated[str, Key]
    age: Index[int] = 0

    @field_validator("age")
    @classmethod
    def _rounded(cls, value: int) -> int:
        CALLS.append(value)
        if value < 0:
            raise ValueError("an age is not negative")
        return value * 10


class ChangedSpan(AtomicRedisModel):
    low: Index[int] = 0
    high: Index[int] = 10
    words: set[str] = set()

    @model_validator(mode="after")
    def _ordered(self) -> ChangedSpan:
        if self.low > self.high:
            raise ValueError(f"{self.low} is above {self.high}")
        return self


class ChangedChild(AtomicRedisModel):
    age: Index[int] = 0


class ChangedOwner(AtomicRedisModel):
    Meta = RedisConfig(ttl=1000)
    age: Index[int] = 0
    child: Annotated[Reference[ChangedLater] | None, CascadeTTL()] = None


def _below(value: int, info: ValidationInfo) -> int:
    if value > info.data["high"]:
        raise ValueError("above high")
    return value


class ChangedKept(AtomicRedisModel):
    low: Index[int] = 0
    high: int = 10
    mark: Annotated[int, AfterValidator(_below)] = 0

    @field_validator("high")
    @classmethod
    def _above(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data["low"]:
            raise ValueError("too low")
        return value


CALLS: list[int] = []
Doc: Any = ChangedDoc
Name: Any = ChangedName
Span: Any = ChangedSpan
Owner: Any = ChangedOwner
Kept: Any = ChangedKept


@pytest.fixture(autouse=True)
async def _ready(source: ClientSource) -> None:
    registry.bind(source, auto_index=True)
    CALLS.clear()


@pytest.fixture
def timed() -> Iterator[None]:
    """Let documents end after 1000 seconds."""
    ChangedDoc.Meta.ttl = 1000
    yield
    ChangedDoc.Meta.ttl = None
    ChangedDoc.Meta.refresh_ttl = True


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Awaitable[Any]]], None]:
    """Do something once, after the search and before the change."""

    def plan(act: Callable[[], Awaitable[Any]]) -> None:
        left, search = [act], find.keys_on

        async def searching(*args: Any) -> list[str]:
            found = await search(*args)
            if left:
                await left.pop()()
            return found

        monkeypatch.setattr("rapyer.search.change.keys_on", searching)

    return plan


async def _ages() -> dict[str, int]:
    return {doc.key: doc.age for doc in await ChangedDoc.afind()}


async def test_any_number_of_documents_is_updated_and_no_others() -> None:
    for start in range(0, 6000, 2000):
        await ChangedDoc.ainsert(*(ChangedDoc(age=n) for n in range(start, start + 2000)))
    result = await ChangedDoc.aupdate_many(Doc.age >= 1000, Doc.state == "free", state="old", owner="me")
    assert (result.matched, result.updated, result.refused, result.was_committed) == (5000, 5000, {}, True)
    assert len(await ChangedDoc.afind(Doc.state == "old")) == 5000
    assert {(doc.state, doc.owner) for doc in await ChangedDoc.afind(Doc.age < 1000)} == {("free", "")}
    assert {doc.owner for doc in await ChangedDoc.afind(Doc.state == "old")} == {"me"}
    assert (await ChangedDoc.aupdate_many(Doc.age < 0, state="none")).updated == 0


async def test_any_number_of_documents_is_deleted_with_what_lives_beside_them(raw: Any) -> None:
    await ChangedDoc.ainsert(*(ChangedDoc(age=n, tags={"t"} if n % 2 else set()) for n in range(4000)))
    result = await ChangedDoc.adelete_many(Doc.age < 3000)
    assert (result.models_deleted, result.keys_deleted, result.models_missing) == (3000, 4500, 0)
    assert result.was_committed
    assert await raw.dbsize() == 1500
    assert sorted((await _ages()).values()) == list(range(3000, 4000))


async def test_what_no_longer_matches_is_left_alone(raw: Any, between: Any) -> None:
    kept, changed, gone, other = docs = [ChangedDoc(age=n) for n in range(4)]
    await ChangedDoc.ainsert(*docs)

    async def act() -> None:
        await raw.execute_command("JSON.SET", kept.key, "$.age", "50")
        await raw.delete(gone.key, other.key)
        await raw.set(other.key, "text")

    between(act)
    result = await ChangedDoc.aupdate_many(Doc.age < 10, owner="me")
    assert (result.matched, result.updated) == (4, 1)
    assert {doc.key: doc.owner for doc in await ChangedDoc.afind(Doc.age >= 0)} == {
        kept.key: "",
        changed.key: "me",
    }
    assert await raw.get(other.key) == "text"
    assert not await raw.exists(gone.key)


async def test_what_no_longer_matches_is_not_deleted(raw: Any, between: Any) -> None:
    kept, gone = ChangedDoc(age=1), ChangedDoc(age=2)
    await ChangedDoc.ainsert(kept, gone)
    between(lambda: raw.execute_command("JSON.SET", kept.key, "$.age", "50"))
    result = await ChangedDoc.adelete_many(Doc.age < 10)
    assert (result.models_deleted, result.models_missing) == (1, 1)
    assert await _ages() == {kept.key: 50}


CLAIM = """
if redis.call('JSON.GET', KEYS[1], '.state') ~= '"free"' then return 0 end
redis.call('JSON.SET', KEYS[1], '$', cjson.encode({age = 1, state = 'taken', owner = 'other', big = 0}))
return 1
"""


async def test_a_document_that_others_want_as_well_goes_to_one_of_them(raw: Any) -> None:
    docs = [ChangedDoc(age=1) for _ in range(1500)]
    await ChangedDoc.ainsert(*docs)

    async def claim() -> int:
        taken = 0
        for doc in reversed(docs[500:]):
            taken += await raw.eval(CLAIM, 1, doc.key)
        return taken

    async def take(owner: str) -> int:
        result = await ChangedDoc.aupdate_many(Doc.state == "free", state="taken", owner=owner)
        return result.updated

    others, first, second = await asyncio.gather(claim(), take("first"), take("second"))
    owners = [doc.owner for doc in await ChangedDoc.afind()]
    assert {name: owners.count(name) for name in ("other", "first", "second")} == {
        "other": others,
        "first": first,
        "second": second,
    }
    assert others + first + second == 1500


async def test_numbers_that_the_index_rounds_are_compared_exactly(raw: Any, between: Any) -> None:
    docs = [ChangedDoc(big=2**53 + n) for n in range(4)]
    await ChangedDoc.ainsert(*docs)
    assert (await ChangedDoc.aupdate_many(Doc.big == 2**53 + 1, dry_run=True, owner="x")).matched == 1
    between(lambda: raw.execute_command("JSON.SET", docs[1].key, "$.age", "7"))
    result = await ChangedDoc.aupdate_many(Doc.big >= 2**53 + 1, owner="me")
    assert (result.matched, result.updated) == (3, 3)
    assert [doc.owner for doc in [await ChangedDoc.aget(doc.key) for doc in docs]] == ["", "me", "me", "me"]
    assert (await ChangedDoc.aget(docs[1].key)).age == 7
    deleted = await ChangedDoc.adelete_many(Doc.big == 2**53 + 3)
    assert deleted.models_deleted == 1
    assert sorted([doc.big - 2**53 for doc in await ChangedDoc.afind()]) == [0, 1, 2]


async def test_what_changes_after_it_was_read_is_read_again(
    raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    doc, other = ChangedDoc(big=2**53 + 1), ChangedDoc(big=2**53 + 2)
    await ChangedDoc.ainsert(doc, other)
    changes, read = iter([1, 2]), executor.read_each

    async def reading(*args: Any) -> list[Any]:
        rows = await read(*args)
        for number in changes:
            await raw.execute_command("JSON.SET", doc.key, "$.age", number)
            break
        return rows

    monkeypatch.setattr("rapyer.search.change.read_each", reading)
    result = await ChangedDoc.aupdate_many(Doc.big > 2**53, owner="me")
    assert (result.matched, result.updated) == (2, 2)
    assert [(await ChangedDoc.aget(each.key)).owner for each in (doc, other)] == ["me", "me"]
    assert (await ChangedDoc.aget(doc.key)).age == 2
    changes = iter(range(1000))
    with pytest.raises(
        StaleModelError, match="1 of the ChangedDoc to be changed were changed by others"
    ) as told:
        await ChangedDoc.aupdate_many(Doc.big > 2**53, owner="you")
    assert told.value.key == doc.key
    assert [(await ChangedDoc.aget(each.key)).owner for each in (doc, other)] == ["me", "you"]


async def test_a_dry_run_changes_nothing(raw: Any) -> None:
    docs = [ChangedDoc(age=n) for n in range(5)]
    await ChangedDoc.ainsert(*docs)
    before = [await raw.execute_command("JSON.GET", doc.key) for doc in docs]
    result = await ChangedDoc.aupdate_many(Doc.age > 1, dry_run=True, owner="me")
    assert (result.matched, result.updated, result.was_committed) == (3, 0, False)
    deleted = await ChangedDoc.adelete_many(Doc.age > 1, dry_run=True)
    assert (deleted.models_deleted, deleted.was_committed) == (3, False)
    deleted = await ChangedDoc.adelete_many(docs[0], docs[0].key, "nothing", dry_run=True)
    assert (deleted.models_deleted, deleted.models_missing, deleted.was_committed) == (1, 1, False)
    assert [await raw.execute_command("JSON.GET", doc.key) for doc in docs] == before


async def test_in_a_pipeline_it_is_checked_and_done_at_the_end(raw: Any) -> None:
    docs = [ChangedDoc(age=n) for n in range(5)]
    await ChangedDoc.ainsert(*docs)
    async with rapyer.apipeline():
        await docs[1].aupdate(age=50)
        result = await ChangedDoc.aupdate_many(Doc.age < 3, owner="me")
        deleted = await ChangedDoc.adelete_many(Doc.age == 3)
        assert (result.matched, result.updated, result.was_committed) == (3, 0, False)
        assert (deleted.models_deleted, deleted.was_committed) == (1, False)
        assert await raw.dbsize() == 5
    stored = {doc.key: doc.owner for doc in await ChangedDoc.afind()}
    assert stored == {docs[0].key: "me", docs[1].key: "", docs[2].key: "me", docs[4].key: ""}


async def test_a_pipeline_that_fails_changes_nothing() -> None:
    await ChangedDoc.ainsert(*(ChangedDoc(age=n) for n in range(3)))
    with pytest.raises(ZeroDivisionError):
        async with rapyer.apipeline():
            await ChangedDoc.aupdate_many(Doc.age < 3, owner="me")
            await ChangedDoc.adelete_many(Doc.age < 3)
            raise ZeroDivisionError
    assert [doc.owner for doc in await ChangedDoc.afind()] == ["", "", ""]


async def test_values_that_must_be_read_are_changed_in_a_pipeline() -> None:
    docs = [ChangedDoc(big=2**53 + n) for n in range(3)]
    await ChangedDoc.ainsert(*docs)
    async with rapyer.apipeline():
        await ChangedDoc.aupdate_many(Doc.big == 2**53 + 1, owner="me")
    assert [(await ChangedDoc.aget(doc.key)).owner for doc in docs] == ["", "me", ""]


async def test_sets_in_a_nested_model_are_replaced(raw: Any) -> None:
    docs = [ChangedDoc(age=n, tags={"kept"}, part=ChangedPart(tags={"a", "b"})) for n in range(2)]
    await ChangedDoc.ainsert(*docs)
    await docs[0].aset_ttl(500)
    await ChangedDoc.aupdate_many(Doc.age == 0, part=ChangedPart(size=3, tags={"c"}))
    first, second = [await ChangedDoc.aget(doc.key) for doc in docs]
    assert first.part is not None
    assert second.part is not None
    assert (first.part.size, first.part.tags, first.tags) == (3, {"c"}, {"kept"})
    assert (second.part.size, second.part.tags) == (0, {"a", "b"})
    assert 0 < await raw.ttl(first.part.tags.special_key) <= 500  # type: ignore[attr-defined]  # a RedisSet
    assert (await ChangedDoc.aupdate_many(Doc.part.size == 3, part=None)).updated == 1
    assert (await ChangedDoc.aget(docs[0].key)).part is None
    assert not await raw.exists(first.part.tags.special_key)  # type: ignore[attr-defined]  # a RedisSet


@pytest.mark.usefixtures("timed")
async def test_only_what_is_changed_lives_longer(raw: Any, between: Any) -> None:
    docs = [ChangedDoc(age=n, tags={"t"}) for n in range(3)]
    await ChangedDoc.ainsert(*docs)
    for key in [key for doc in docs for key in doc.all_keys]:
        await raw.expire(key, 10)
    between(lambda: raw.execute_command("JSON.SET", docs[0].key, "$.age", "90"))
    await ChangedDoc.aupdate_many(Doc.age < 2, owner="me")
    assert [await raw.ttl(docs[0].key), await raw.ttl(docs[2].key)] == [10, 10]
    assert await raw.ttl(docs[1].key) > 900
    assert await raw.ttl(docs[1].tags.special_key) > 900  # type: ignore[attr-defined]  # a RedisSet
    async with rapyer.apipeline():
        await ChangedDoc.aupdate_many(Doc.age == 2, owner="me")
        assert await raw.ttl(docs[2].key) == 10
    assert await raw.ttl(docs[2].key) > 900
    ChangedDoc.Meta.refresh_ttl = False
    await ChangedDoc.aupdate_many(Doc.age == 90, owner="me")
    assert await raw.ttl(docs[0].key) == 10


async def test_a_time_to_live_is_passed_on(raw: Any) -> None:
    children = [ChangedLater(age=n) for n in range(2)]
    await ChangedLater.ainsert(*children)
    await ChangedOwner.ainsert(
        *(ChangedOwner(age=n, child=Reference(child)) for n, child in enumerate(children))
    )
    for child in children:
        await raw.expire(child.key, 10)
    await ChangedOwner.aupdate_many(Owner.age == 0, age=5)
    assert [await raw.ttl(child.key) > 400 for child in children] == [True, False]
    async with rapyer.apipeline():
        await ChangedOwner.aupdate_many(Owner.age == 1, age=5)
    assert [await raw.ttl(child.key) > 400 for child in children] == [True, True]


async def test_validators_that_see_other_fields_see_those_of_each_document() -> None:
    wide, narrow = ChangedKept(low=10, high=60), ChangedKept(low=50, high=60)
    await ChangedKept.ainsert(wide, narrow)
    result = await ChangedKept.aupdate_many(Kept.low > 0, high=20)
    assert (result.matched, result.updated) == (2, 1)
    assert "too low" in result.refused[narrow.key]
    assert (await ChangedKept.aupdate_many(Kept.low == 50, low=10, high=20)).updated == 1
    assert [(await ChangedKept.aget(kept.key)).high for kept in (wide, narrow)] == [20, 20]
    await ChangedKept.aupdate_many(Kept.low > 0, high=40)
    await narrow.aupdate(high=70)
    result = await ChangedKept.aupdate_many(Kept.low > 0, mark=50)
    assert (result.updated, list(result.refused)) == (1, [wide.key])


async def test_values_are_validated_once_before_anything_is_sent() -> None:
    await ChangedName.ainsert(*(ChangedName.model_construct(name=f"n{n}", age=n) for n in range(5)))
    CALLS.clear()
    assert (await ChangedName.aupdate_many(Name.age < 4, age="7")).updated == 4
    assert CALLS == [7]
    assert len(await ChangedName.afind(Name.age == 70)) == 4
    with pytest.raises(ValidationError, match="an age is not negative"):
        await ChangedName.aupdate_many(Name.age < 100, age=-1)
    with pytest.raises(ValidationError):
        await ChangedName.aupdate_many(Name.age < 100, age="old")
    assert len(await ChangedName.afind(Name.age == 70)) == 4


async def test_validators_of_the_whole_model_see_each_document(between: Any, raw: Any) -> None:
    wide, narrow, other = ChangedSpan(high=20), ChangedSpan(high=4, words={"w"}), ChangedSpan(low=9)
    await ChangedSpan.ainsert(wide, narrow, other)
    await raw.execute_command("JSON.SET", "ChangedSpan:bad", "$", '{"low": 0, "high": "much"}')
    between(lambda: raw.execute_command("JSON.SET", wide.key, "$.high", "30"))
    result = await ChangedSpan.aupdate_many(Span.low == 0, low=5)
    assert (result.matched, result.updated) == (2, 1)
    assert list(result.refused) == [narrow.key]
    assert "5 is above 4" in result.refused[narrow.key]
    stored = {span.key: (span.low, span.high) for span in await ChangedSpan.afind(Span.high > 0)}
    assert stored == {wide.key: (5, 30), narrow.key: (0, 4), other.key: (9, 10)}
    with pytest.raises(ValidationError):
        await ChangedSpan.aupdate_many(Span.low == 0, low="x")


async def test_times_are_stored_as_assigning_stores_them(raw: Any) -> None:
    doc, one = ChangedDoc(age=1), ChangedDoc(age=2)
    await ChangedDoc.ainsert(doc, one)
    when = dt.datetime(2024, 2, 29, 12, tzinfo=dt.timezone.utc)
    await ChangedDoc.aupdate_many(Doc.age == 1, at=when)
    await one.aupdate(at=when)
    there = [await raw.execute_command("JSON.GET", each.key, "$.at") for each in (doc, one)]
    assert there[0] == there[1]
    assert len(await ChangedDoc.afind(Doc.at == when)) == 2


async def test_all_in_one_step() -> None:
    await ChangedDoc.ainsert(*(ChangedDoc(age=n) for n in range(2500)))
    result = await ChangedDoc.adelete_many(Doc.age < 2400, atomic=True)
    assert result.models_deleted == 2400
    assert len(await ChangedDoc.afind()) == 100
    assert (await ChangedDoc.adelete_many(Doc.age < 0, atomic=True)).models_deleted == 0
    await ChangedDoc.ainsert(*(ChangedDoc(big=2**53 + n) for n in range(600)))
    assert (await ChangedDoc.adelete_many(Doc.big > 2**53, atomic=True)).models_deleted == 599
    assert (await ChangedDoc.adelete_many(Doc.big == 2**53, atomic=True)).models_deleted == 1


async def test_documents_of_another_class_below_the_prefix_stay(raw: Any) -> None:
    await ChangedChild.ainsert(ChangedChild(age=1))
    await raw.execute_command("JSON.SET", "ChangedChild:x", "$", '{"age": 2}')
    age: Any = ChangedChild.age
    assert (await ChangedChild.aupdate_many(age.one_of([1, 2]), age=3)).updated == 2


async def test_mistakes_are_told_before_anything_is_sent(source: ClientSource) -> None:
    some = Doc.age == 0
    cases: list[tuple[type[Exception], str, Any]] = [
        (MissingParameterError, "ChangedDoc.aupdate_many requires at least one filter", ((), {"owner": "x"})),
        (MissingParameterError, "ChangedDoc.aupdate_many requires at least one field", ((some,), {})),
        (
            UnknownFieldError,
            "unknown field 'ownr' on ChangedDoc; did you mean 'owner'?",
            ((some,), {"ownr": 1}),
        ),
        (UpdateAtomicModelError, "ChangedDoc.tags cannot be set by aupdate", ((some,), {"tags": {"a"}})),
        (UnsupportedArgumentValueError, "ChangedDoc.secret is not stored", ((some,), {"secret": "x"})),
        (UnsupportedArgumentValueError, "ChangedDoc.made is frozen", ((some,), {"made": 1})),
        (
            UnsupportedArgumentTypeError,
            "ChangedDoc.aupdate_many cannot use 'key'",
            (("key",), {"owner": "x"}),
        ),
        (
            BadFilterError,
            "nearest does not say of a ChangedDoc",
            ((Doc.vector.nearest([1, 2]),), {"owner": "x"}),
        ),
        (BadFilterError, "a field alone is no filter", ((Doc.age,), {"owner": "x"})),
    ]
    for error, text, (filters, fields) in cases:
        with pytest.raises(error) as caught:
            await ChangedDoc.aupdate_many(*filters, **fields)
        assert text in str(caught.value)
    with pytest.raises(KeyChangedError, match=r"ChangedName.name is the primary key"):
        await ChangedName.aupdate_many(Name.age == 1, name="x")
    with pytest.raises(NotIndexedError):
        await ChangedDoc.aupdate_many(Doc.owner == "x", owner="y")
    with pytest.raises(BadFilterError, match="find them with afind"):
        await ChangedDoc.adelete_many(Doc.vector.nearest([1, 2]))
