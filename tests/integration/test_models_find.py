"""Finding: keys, filters, everything; and what a find leaves out is never silent."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

import rapyer
from rapyer import AtomicRedisModel, Index, Key
from rapyer.errors import (
    BadFilterError,
    CorruptedModelError,
    InvalidKeyError,
    KeyNotFound,
    RapyerModelDoesntExistError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
    WrongClassError,
)

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource


class Findable(AtomicRedisModel):
    number: Index[int] = 0
    name: str = ""


class FindableKeyed(AtomicRedisModel):
    number: Key[int]


class FindableOther(AtomicRedisModel):
    name: str = ""


@pytest.fixture(autouse=True)
async def _index(source: ClientSource) -> None:
    await Findable.acreate_index()


async def _corrupt(raw: Redis, *names: str) -> None:
    for name in names:
        await raw.json().set(f"Findable:{name}", "$", {"number": 1, "name": 5})  # type: ignore[misc]


async def test_keys_in_order_with_duplicates() -> None:
    a, b = await Findable.ainsert(Findable(number=1), Findable(number=2))
    found = await Findable.afind(b.key, a.pk, str(b.key), a)
    assert [one.number for one in found] == [2, 1, 2, 1]
    assert [one.key for one in found] == [b.key, a.key, b.key, a.key]
    assert await Findable.afind(a, b, max_results=1) == [a]
    assert await Findable.afind(a, max_results=0) == []
    with pytest.raises(KeyNotFound) as raised:
        await Findable.afind(a, "nobody")
    assert (str(raised.value), raised.value.key) == (
        "no Findable is stored under Findable:nobody",
        "Findable:nobody",
    )


async def test_keys_of_the_key_fields_type() -> None:
    await FindableKeyed.ainsert(*(FindableKeyed(number=n) for n in range(3)))
    assert [one.number for one in await FindableKeyed.afind(2, 0)] == [2, 0]


async def test_keys_win_over_filters(caplog: pytest.LogCaptureFixture) -> None:
    a, _ = await Findable.ainsert(Findable(number=1), Findable(number=2))
    with caplog.at_level(logging.WARNING, logger="rapyer"):
        assert await Findable.afind(Findable.number == 2, a.key) == [a]
    assert [record.getMessage() for record in caplog.records] == [
        "Findable.afind was given keys and filters: the filters are ignored"
    ]


async def test_all_and_the_first_so_many() -> None:
    assert await Findable.afind() == []
    assert await Findable.afind_one() is None
    assert await Findable.afind_keys() == []
    models = await Findable.ainsert(*(Findable(number=n) for n in range(25)))
    assert len(await Findable.afind()) == len(await Findable.afind(Findable.number >= 0)) == 25
    for limit in (0, 1, 7, 100):
        expected = min(limit, 25)
        assert len(await Findable.afind(max_results=limit)) == expected
        assert len(await Findable.afind(Findable.number >= 0, max_results=limit)) == expected
        assert len(await Findable.afind_keys(max_results=limit)) == expected
    assert set(await Findable.afind_keys()) == {model.key for model in models}
    with pytest.raises(
        UnsupportedArgumentValueError, match="max_results is -1; give 0 or more, or None for all"
    ):
        await Findable.afind_keys(max_results=-1)


async def test_finding_one() -> None:
    model = await Findable(number=7).asave()
    for arguments in ((Findable.number == 7,), (model.key,), (model.pk,), (model,), ()):
        assert await Findable.afind_one(*arguments) == model
    assert await Findable.afind_one(Findable.number == 8) is None
    assert await Findable.afind_one("nobody") is None


async def test_corrupt_documents_are_skipped_with_one_warning(
    raw: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    good = await Findable(number=1).asave()
    await _corrupt(raw, *"abcdefg")
    for found in (
        lambda: Findable.afind(),
        lambda: Findable.afind(Findable.number == 1),
        lambda: Findable.afind(good, *(f"Findable:{name}" for name in "abcdefg")),
        lambda: rapyer.afind(good.key, *(f"Findable:{name}" for name in "abcdefg")),
    ):
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="rapyer"):
            assert await found() == [good]
        (record,) = caplog.records
        assert "afind left out 7 of its documents: 7 corrupt, 0 gone (Findable:" in record.getMessage()
        assert record.getMessage().endswith(", …)")


async def test_corrupt_documents_can_raise(raw: Redis, caplog: pytest.LogCaptureFixture) -> None:
    await _corrupt(raw, "a")
    calls: Any = (
        lambda: Findable.afind(on_corrupt="raise"),
        lambda: Findable.afind(Findable.number == 1, on_corrupt="raise"),
        lambda: Findable.afind(Findable.number == 1, max_results=1, on_corrupt="raise"),
        lambda: Findable.afind("a", on_corrupt="raise"),
        lambda: Findable.afind_one("a", on_corrupt="raise"),
        lambda: rapyer.afind("Findable:a", on_corrupt="raise"),
    )
    for call in calls:
        with pytest.raises(
            CorruptedModelError, match="the document stored under Findable:a does not fit Findable"
        ) as raised:
            await call()
        assert (raised.value.key, raised.value.model) == ("Findable:a", "Findable")
    assert caplog.records == []
    with pytest.raises(
        UnsupportedArgumentValueError, match='on_corrupt is \'ignore\'; give "raise" or "skip"'
    ):
        await Findable.afind(on_corrupt="ignore")  # type: ignore[arg-type]


@pytest.mark.parametrize("document", [[1], None, 5, "text", {"name": 1}, {"name": None}])
async def test_every_shape_of_a_wrong_document_is_corrupt(raw: Redis, document: Any) -> None:
    await raw.json().set("FindableOther:a", "$", document)  # type: ignore[misc]
    with pytest.raises(
        CorruptedModelError,
        match="the document stored under FindableOther:a does not fit FindableOther: 1 validation error",
    ):
        await FindableOther.aget("a")
    with pytest.raises(CorruptedModelError):
        await rapyer.aget("FindableOther:a")
    assert await FindableOther.afind() == []


async def test_other_members_are_ignored_and_absent_ones_have_their_default(raw: Redis) -> None:
    await raw.json().set("Findable:a", "$", {"more": 1})  # type: ignore[misc]
    assert await Findable.aget("a") == Findable()


@pytest.mark.parametrize("bad", [5, None, 1.5, [], {}, object()])
async def test_other_arguments_are_refused(bad: Any) -> None:
    with pytest.raises(
        UnsupportedArgumentTypeError, match="Findable.afind cannot use .*; give keys or filters"
    ):
        await Findable.afind(bad)


async def test_a_bare_field_is_no_filter() -> None:
    with pytest.raises(BadFilterError, match="a field alone is no filter; compare it with a value"):
        await Findable.afind(Findable.number)


async def test_finding_over_classes(caplog: pytest.LogCaptureFixture) -> None:
    a, b = await rapyer.ainsert(Findable(number=1), FindableOther(name="b"))
    assert await rapyer.afind(b.key, a.key, b.key) == [b, a, b]
    assert await rapyer.afind() == []
    with pytest.raises(KeyNotFound, match="no FindableOther is stored under FindableOther:x"):
        await rapyer.afind(a.key, "FindableOther:x")
    with caplog.at_level(logging.WARNING, logger="rapyer"):
        assert await rapyer.afind("Findable:x", a.key, skip_missing=True) == [a]
    assert caplog.records == []
    with pytest.raises(RapyerModelDoesntExistError) as raised:
        await rapyer.afind("Fndable:1")
    assert raised.value.model_name == "Fndable"
    assert str(raised.value) == "no model class has keys that start with Fndable:; did you mean 'Findable'?"
    assert await rapyer.afind_one(a.key) == a
    assert await rapyer.afind_one("Findable:x") is None
    assert await rapyer.afind_one("Nobody:x") is None


async def test_keys_that_are_none() -> None:
    for bad in ("nonsense", "", ":", "Findable:", ":1"):
        with pytest.raises(InvalidKeyError):
            await rapyer.aget(bad)
    with pytest.raises(KeyError):
        await rapyer.aget("Nobody:1")
    with pytest.raises(ValueError, match="is no key of a model"):
        await rapyer.aget("nonsense")


async def test_existence() -> None:
    model = await Findable().asave()
    for asked in (model, model.key, model.pk, str(model.key)):
        assert await Findable.aexists(asked)
    assert await rapyer.aexists(model)
    assert await rapyer.aexists(model.key)
    async with rapyer.apipeline():
        assert await Findable.aexists(model)
        assert not await Findable.aexists("nobody")
    await model.adelete()
    assert not await Findable.aexists(model)
    assert not await rapyer.aexists(model)
    assert not await rapyer.aexists("Nobody:1")
    with pytest.raises(WrongClassError):
        await Findable.aexists("FindableOther:1")


async def test_the_index_of_a_class() -> None:
    model = await Findable(number=3).asave()
    assert Findable.index_name() == "idx:Findable"
    assert Findable.redis_schema() == [("$.number", "AS", "number", "NUMERIC")]
    assert await Findable.adelete_index() is True
    assert await Findable.adelete_index() is False
    assert await Findable.aexists(model)
    assert await Findable.acreate_index() is True
    assert await Findable.acreate_index() is True
    assert await Findable.afind(Findable.number == 3) == [model]
    assert FindableOther.redis_schema() == []
    assert await FindableOther.acreate_index() is False
    Findable.init_class()


async def test_a_document_becomes_an_instance() -> None:
    model = Findable(number=3)
    made = Findable.create_redis_model(model.redis_dump(), model.key)
    assert made == model
    assert made is not None
    assert made.key == model.key
    assert Findable.create_redis_model({"number": "many"}, "x") is None
    with pytest.raises(WrongClassError):
        Findable.create_redis_model({}, "FindableOther:1")
