"""Queries against a real index."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

import rapyer
from rapyer import AtomicRedisModel, Index
from rapyer.errors import NotIndexedError
from rapyer.model.registry import registry
from rapyer.search.find import find
from rapyer.search.index import ensure_index

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource


class Address(BaseModel):
    city: Index[str] = "Paris"


class Searched(AtomicRedisModel):
    name: Index[str] = ""
    age: Index[int] = 0
    score: Index[float] = 0.0
    nick: Index[str | None] = None
    address: Address = Address()
    home: Address | None = None
    note: str = ""


@pytest.fixture(autouse=True)
async def _indexed(source: ClientSource) -> None:
    await ensure_index(Searched, source)


NASTY = [
    "", " ", "a b", "A B", "bob", "Bob", "bob smith", 'a"b', "a-b", "the", "C:\\x", "{x}", "a|b", "a,b", "*", "a*", "$v0", "@name:{x}",
    "line\nbreak", "\t", "\U0001f600", "ключ", "x" * 3000, "(", ")", "[", "]", "~", "%%", "a.b", "user@example.org", "'",
]  # fmt: skip


async def test_text_is_found_exactly_whatever_it_holds() -> None:
    await Searched.ainsert(*(Searched(name=text) for text in NASTY))
    for text in NASTY:
        assert [person.name for person in await Searched.afind(Searched.name == text)] == [text], repr(text)
        assert len(await Searched.afind(Searched.name != text)) == len(NASTY) - 1, repr(text)


async def test_random_trees_agree_with_python() -> None:
    chance = random.Random(5)
    people = [
        Searched(
            name=chance.choice("abc"),
            age=chance.randrange(6),
            score=chance.random(),
            nick=chance.choice([None, "x"]),
        )
        for _ in range(60)
    ]
    await Searched.ainsert(*people)

    def tree(depth: int) -> tuple[Any, Any]:
        if depth == 0 or chance.random() < 0.3:
            return leaf()
        kind = chance.choice("&|~")
        left, told_left = tree(depth - 1)
        if kind == "~":
            return ~left, lambda p: not told_left(p)
        right, told_right = tree(depth - 1)
        if kind == "&":
            return left & right, lambda p: told_left(p) and told_right(p)
        return left | right, lambda p: told_left(p) or told_right(p)

    def leaf() -> tuple[Any, Any]:
        number, text, real = chance.randrange(6), chance.choice("abc"), chance.random()
        return chance.choice(
            [
                (Searched.age == number, lambda p: p.age == number),
                (Searched.age != number, lambda p: p.age != number),
                (Searched.age > number, lambda p: p.age > number),
                (Searched.age <= number, lambda p: p.age <= number),
                (Searched.score < real, lambda p: p.score < real),
                (Searched.score >= real, lambda p: p.score >= real),
                (Searched.name == text, lambda p: p.name == text),
                (Searched.name != text, lambda p: p.name != text),
                (Searched.nick == "x", lambda p: p.nick == "x"),
                (Searched.name.one_of(["a", "b"]), lambda p: p.name in {"a", "b"}),  # type: ignore[attr-defined]
                (Searched.age.between(1, 3), lambda p: 1 <= p.age <= 3),  # type: ignore[attr-defined]
            ]
        )

    for _ in range(150):
        expression, told = tree(4)
        found = {person.key for person in await Searched.afind(expression)}
        assert found == {person.key for person in people if told(person)}, expression


async def test_all_matches_are_returned_or_as_many_as_asked_for() -> None:
    await Searched.ainsert(*(Searched(age=number % 2) for number in range(3000)))
    assert len(await Searched.afind(Searched.age == 1)) == 1500
    assert len(await Searched.afind()) == 3000
    for limit in (0, 1, 50, 51, 1000, 5000):
        assert len(await Searched.afind(Searched.age == 1, max_results=limit)) == min(limit, 1500)
    result = await find(Searched, Searched.age == 1, 20)  # type: ignore[arg-type]
    assert (len(result.models), result.total, result.skipped) == (20, 1500, ())


async def test_several_filters_must_all_hold_and_keys_win(caplog: pytest.LogCaptureFixture) -> None:
    one, two = await Searched.ainsert(Searched(age=1, name="a"), Searched(age=1, name="b"))
    assert await Searched.afind(Searched.age == 1, Searched.name == "b") == [two]
    assert await Searched.afind_one(Searched.name == "z") is None
    with caplog.at_level(logging.WARNING, logger="rapyer"):
        assert await Searched.afind(one.key, Searched.name == "b") == [one]
    assert "the filters are ignored" in caplog.text


async def test_missing_values_never_hide_a_document() -> None:
    await Searched.ainsert(Searched(name="a"), Searched(name="b", nick="n", home=Address(city="Rome")))
    assert len(await Searched.afind(Searched.name == "a")) == 1
    assert len(await Searched.afind(Searched.nick != "n")) == 1
    assert len(await Searched.afind(Searched.home.city == "Rome")) == 1  # type: ignore[union-attr]
    assert len(await Searched.afind(Searched.address.city == "Paris")) == 2


async def test_an_index_that_is_unchanged_is_left_alone_and_a_changed_one_replaced(
    source: ClientSource, raw: Redis
) -> None:
    class Thing(AtomicRedisModel):
        name: Index[str] = ""
        age: int = 0

    await Thing(name="x", age=5).asave()
    await rapyer.init_rapyer(source)
    before = await raw.execute_command("FT.INFO", "idx:Thing")
    await Thing.afind(Thing.name == "x")
    await rapyer.init_rapyer()
    after = await raw.execute_command("FT.INFO", "idx:Thing")
    uses = before.index("number_of_uses") + 1
    assert after[uses] > before[uses], "a new index would have been used less"

    class Thing(AtomicRedisModel):  # type: ignore[no-redef]
        name: Index[str] = ""
        age: Index[int] = 0

    await rapyer.init_rapyer()
    assert len(await Thing.afind(Thing.age == 5)) == 1


async def test_indexes_are_made_when_first_needed_where_that_is_asked_for(
    source: ClientSource, raw: Redis
) -> None:
    class Lazy(AtomicRedisModel):
        age: Index[int] = 1

    await Lazy().asave()
    with pytest.raises(
        NotIndexedError, match="the index of Lazy does not exist on the server; call init_rapyer"
    ):
        await Lazy.afind(Lazy.age == 1)
    registry.bind(source, auto_index=True)
    assert len(await Lazy.afind(Lazy.age == 1)) == 1
    await raw.flushall()
    assert await Lazy.afind(Lazy.age == 1) == []
    await Lazy().asave()
    assert len(await Lazy.afind(Lazy.age == 1)) == 1


async def test_listing_misses_nothing_where_the_index_does(raw: Redis) -> None:
    class Unready(AtomicRedisModel):
        age: Index[int] = 1

    kept = await Unready().asave()
    assert await Unready.afind() == [kept]
    registry.auto_index = True
    assert len(await Unready.afind(Unready.age == 1)) == 1
    await raw.json().set("Unready:bad", "$", {"age": "no number"})  # type: ignore[misc]
    assert (await find(Unready)).skipped == ("Unready:bad",)


async def test_documents_that_vanish_or_do_not_fit_are_reported(raw: Redis) -> None:
    await Searched(name="a").asave()
    await raw.json().set("Searched:bad", "$", {"name": "a", "age": []})  # type: ignore[misc]
    await raw.json().set("Searched:odd", "$", {"name": "a", "note": 5})  # type: ignore[misc]
    for limit in (10, None):
        result = await find(Searched, Searched.name == "a", limit)  # type: ignore[arg-type]
        assert len(result.models) == 1
        assert "Searched:odd" in result.skipped
