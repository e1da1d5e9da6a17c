"""What filters mean, case by case: None, several values, precedence, and mistakes that are told before anything is sent."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from rapyer import AtomicRedisModel, Index
from rapyer.errors import BadFilterError, NotIndexedError, UnknownFieldError
from rapyer.search.compile import compiled
from rapyer.search.evaluate import holds
from rapyer.search.index import ensure_index
from rapyer.search.words import words_of_text
from tests.integration.queried import Color, Level, QueriedHome, QueriedItem, QueriedRow

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource

Row: Any = QueriedRow


class ExpressionTree(AtomicRedisModel):
    a: Index[bool] = False
    b: Index[bool] = False
    c: Index[bool] = False


class ExpressionUnion(AtomicRedisModel):
    age: Index[int] | None = None
    name: Annotated[str, Index()] | None = None


async def keys(expression: Any) -> set[str]:
    return {row.key for row in await QueriedRow.afind(expression)}


async def test_precedence_is_that_of_python(source: ClientSource) -> None:
    await ensure_index(ExpressionTree, source)
    rows = [ExpressionTree(a=a, b=b, c=c) for a, b, c in itertools.product([True, False], repeat=3)]
    await ExpressionTree.ainsert(*rows)
    a, b, c = (field == True for field in (ExpressionTree.a, ExpressionTree.b, ExpressionTree.c))  # noqa: E712 - builds filters
    trees: list[tuple[Any, Any]] = [
        (a | b & c, lambda r: r.a or (r.b and r.c)),
        ((a | b) & c, lambda r: (r.a or r.b) and r.c),
        (~(a & b) | c, lambda r: not (r.a and r.b) or r.c),
        (~a & b | ~c, lambda r: (not r.a and r.b) or not r.c),
        (~~a, lambda r: r.a),
        (~(~a | ~(b | ~c)), lambda r: r.a and (r.b or not r.c)),
    ]
    for tree, meaning in trees:
        assert {row.key for row in await ExpressionTree.afind(tree)} == {
            row.key for row in rows if meaning(row)
        }


async def test_none_is_equal_to_nothing_and_can_be_asked_for(source: ClientSource) -> None:
    await ensure_index(QueriedRow, source)
    nothing = QueriedRow()
    something = QueriedRow(
        big=1, real=1.0, money=Decimal(1), flag=False, nick="x", color=Color.RED, home=QueriedHome(zip="z", floor=0),
        items=[QueriedItem(name="n", price=1.0)], tags=[""],
    )  # fmt: skip
    half = QueriedRow(home=QueriedHome(), items=[QueriedItem()])
    await QueriedRow.ainsert(nothing, something, half)
    some, none = {something.key}, {nothing.key, half.key}
    for path in (
        "big",
        "real",
        "money",
        "flag",
        "nick",
        "color",
        "home.zip",
        "home.floor",
        "items.name",
        "items.price",
        "tags",
    ):
        field: Any = Row
        for name in path.split("."):
            field = getattr(field, name)
        assert await keys(field.is_none()) == none, path
        assert await keys(field == None) == none, path  # noqa: E711 - builds a filter
        assert await keys(field != None) == some, path  # noqa: E711 - builds a filter
        assert await keys(~field.is_none()) == some, path
    assert await keys(Row.home.city.is_none()) == {nothing.key}
    assert await keys(Row.big != 5) == some | none
    assert await keys(Row.big < 5) == some
    assert await keys(~(Row.big < 5)) == none
    assert await keys(Row.nick.one_of(["x", None])) == some | none


async def test_one_element_of_several_is_enough(source: ClientSource) -> None:
    await ensure_index(QueriedRow, source)
    cheap = QueriedRow(
        items=[QueriedItem(name="a", price=1.0), QueriedItem(name="b", price=9.0)], tags=["red", "Blue"]
    )
    dear = QueriedRow(
        named={"x": QueriedItem(name="a", price=50.0)}, prices={"s": 3.5}, numbers=[7, 2**60 + 1]
    )
    await QueriedRow.ainsert(cheap, dear)
    assert await keys(Row.items.price > 5) == {cheap.key}
    assert await keys(Row.items.price.between(2, 8)) == set()
    assert await keys((Row.items.price > 2) & (Row.items.price < 8)) == {cheap.key}
    assert await keys(Row.items.name == "b") == {cheap.key}
    assert await keys(Row.items.name != "b") == {dear.key}
    assert await keys(Row.named.price >= 50) == {dear.key}
    assert await keys(Row.prices == 3.5) == {dear.key}
    assert await keys(Row.tags.contains("red")) == {cheap.key}
    assert await keys(Row.tags == "blue") == set()
    assert await keys(Row.numbers.contains(7)) == {dear.key}
    assert await keys(Row.numbers == 2**60 + 1) == {dear.key}
    assert await keys(Row.numbers == 2**60) == set()


async def test_numbers_that_the_index_rounds_are_told_apart(source: ClientSource) -> None:
    await ensure_index(QueriedRow, source)
    numbers = [2**53 - 1, 2**53, 2**53 + 1, 2**53 + 2, 2**63 - 1]
    rows = [QueriedRow(big=number) for number in numbers]
    await QueriedRow.ainsert(*rows)
    for number in numbers:
        assert [row.big for row in await QueriedRow.afind(Row.big == number)] == [number]
        assert {row.big for row in await QueriedRow.afind(Row.big != number)} == set(numbers) - {number}
        assert {row.big for row in await QueriedRow.afind(~(Row.big >= number))} == {
            n for n in numbers if n < number
        }
    assert len(await QueriedRow.afind(Row.big == 2**53 + 1, max_results=5)) == 1
    assert await QueriedRow.afind_keys() != []
    assert (await QueriedRow.adelete_many(Row.big > 2**53)).models_deleted == 3
    assert {row.big for row in await QueriedRow.afind()} == {2**53 - 1, 2**53}


async def test_decimals_compare_as_decimals(source: ClientSource) -> None:
    await ensure_index(QueriedRow, source)
    amounts = [Decimal("0.1"), Decimal("0.2"), Decimal("0.3")]
    await QueriedRow.ainsert(*(QueriedRow(money=amount) for amount in amounts))
    assert [row.money for row in await QueriedRow.afind(Row.money == Decimal("0.1") + Decimal("0.2"))] == [
        Decimal("0.3")
    ]
    above = Decimal("0.2000000000000000000000000001")
    assert {row.money for row in await QueriedRow.afind(Row.money < above)} == {
        Decimal("0.1"),
        Decimal("0.2"),
    }
    assert {row.money for row in await QueriedRow.afind(Row.money >= above)} == {Decimal("0.3")}
    assert await QueriedRow.afind(Row.money == above) == []


async def test_an_index_within_an_optional_counts(source: ClientSource) -> None:
    await ensure_index(ExpressionUnion, source)
    await ExpressionUnion.ainsert(ExpressionUnion(age=5, name="x"), ExpressionUnion())
    assert [row.age for row in await ExpressionUnion.afind(ExpressionUnion.age == 5)] == [5]
    assert [row.age for row in await ExpressionUnion.afind(ExpressionUnion.name == None)] == [None]  # noqa: E711 - builds a filter


MISTAKES: list[tuple[Any, type[Exception], str]] = [
    (lambda: Row.number.contains(1), BadFilterError, "QueriedRow.number is indexed as number, which contains cannot compare; use == or"),
    (lambda: Row.number.is_none(), BadFilterError, "QueriedRow.number is never None; declare it as Optional"),
    (lambda: Row.nick.contains("x"), BadFilterError, r"declare it with Index\(suffix=True\)"),
    (lambda: Row.text.matches("x"), BadFilterError, r"declare it with Index\(text=True\)"),
    (lambda: Row.flag < True, BadFilterError, "QueriedRow.flag is indexed as bool, which < cannot compare"),
    (lambda: Row.flag == 1, BadFilterError, "QueriedRow.flag compares with True or False, not with 1"),
    (lambda: Row.day == dt.datetime(2024, 1, 1), BadFilterError, "compares with a date, not with"),
    (lambda: Row.at == dt.date(2024, 1, 1), BadFilterError, "compares with a datetime, not with"),
    (lambda: Row.clock > dt.time(1, tzinfo=dt.timezone.utc), BadFilterError, "has a time zone"),
    (lambda: Row.span == 5, BadFilterError, "compares with a timedelta, not with 5"),
    (lambda: Row.money == 0.1, BadFilterError, "compares with a Decimal or an int, not with 0.1"),
    (lambda: Row.money == Decimal("NaN"), BadFilterError, "NaN is no number that can be searched for"),
    (lambda: Row.color == "blue", BadFilterError, "compares with Color: one of 'red', 'dark red, {almost} black', not"),
    (lambda: Row.color == Level.LOW, BadFilterError, "compares with Color: one of"),
    (lambda: Row.size == "x", BadFilterError, "compares with choice: one of 's', 'm', not with 'x'"),
    (lambda: Row.uid == "x", BadFilterError, "compares with a UUID, not with 'x'"),
    (lambda: Row.text == "a\x00", BadFilterError, "text with a NUL character is in no index"),
    (lambda: Row.text.prefix(""), BadFilterError, "prefix was given an empty text"),
    (lambda: Row.bio.matches(" - "), BadFilterError, "matches needs words, not ' - '"),
    (lambda: Row.bio.matches("x" * 200), BadFilterError, "a word of more than 128 bytes"),
    (lambda: Row.bio.fuzzy("two words"), BadFilterError, "fuzzy needs one word"),
    (lambda: Row.bio.fuzzy("word", 4), BadFilterError, "give 1, 2 or 3"),
    (lambda: Row.place == 5, BadFilterError, "is indexed as place, which == cannot compare; use near"),
    (lambda: Row.place.near(200, 0, 1), BadFilterError, "near needs a longitude and a latitude"),
    (lambda: Row.place.near(0, 0, 0), BadFilterError, "needs a distance above 0 km"),
    (lambda: Row.tags == 5, BadFilterError, "QueriedRow.tags compares with a str, not with 5"),
    (lambda: Row.items.cost, UnknownFieldError, "unknown field 'cost' on RedisQueriedItem"),
    (lambda: bool(Row.items), BadFilterError, "items alone is no filter"),
    (lambda: Row.home.note == "x", NotIndexedError, "note has no index, so it cannot be searched; declare it as"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "error", "said"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_told_with_its_cure(mistake: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        mistake()


def test_a_vector_query_has_its_place() -> None:
    from_vector: Any = QueriedRow.number
    with pytest.raises(BadFilterError, match="which nearest cannot compare"):
        from_vector.nearest([1.0])


def test_an_enum_is_given_as_member_or_value() -> None:
    assert compiled(Row.color == Color.RED) == compiled(Row.color == "red")
    assert compiled(Row.level >= Level.HIGH) == compiled(Row.level >= 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The RED-fox, (quick)", ["the", "red", "fox", "quick"]),
        ("snake_case é É", ["snake_case", "é", "É"]),
        ("two\nlines", ["twolines"]),
        ("a\\-b c\\d \\", ["a-b", "cd"]),
        (" - ", []),
    ],
)
def test_words_are_what_the_server_takes_for_them(text: str, words: list[str]) -> None:
    assert words_of_text(text) == words


def test_the_meaning_of_a_filter_needs_no_server() -> None:
    row = QueriedRow(number=3, tags=["a"], items=[QueriedItem(price=2.0)])
    assert holds((Row.number > 2) & Row.tags.contains("a") & ~(Row.items.price > 5), row)
    assert not holds(Row.number.between(4, 5) | Row.nick.prefix("a") | (Row.real >= 0), row)
