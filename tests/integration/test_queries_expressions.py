"""What filters mean, case by case: None, several values, precedence, and mistakes that are told before anything is sent."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Annotated, Any

import numpy
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


class ExpressionChild(ExpressionTree):
    d: Index[bool] = False


class ExpressionOther(AtomicRedisModel):
    a: Index[bool] = False


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
    (lambda: Row.bio.fuzzy("x\U0001f600"), BadFilterError, "QueriedRow.bio.fuzzy was given 'x\U0001f600', with a character beyond U.FFFF"),
    (lambda: Row.bio.fuzzy("word", 4), BadFilterError, "give 1, 2 or 3"),
    (lambda: Row.place == 5, BadFilterError, "is indexed as place, which == cannot compare; use near"),
    (lambda: Row.place.near(200, 0, 1), BadFilterError, "near needs a longitude, a latitude and kilometres, not 200, 0, 1; the server knows longitudes up to 180"),
    (lambda: Row.place.near(0, 0, 0), BadFilterError, "needs a distance above 0 km"),
    (lambda: Row.tags == 5, BadFilterError, "QueriedRow.tags compares with a str, not with 5"),
    (lambda: Row.items.cost, UnknownFieldError, "unknown field 'cost' on QueriedRow.items"),
    (lambda: bool(Row.items), BadFilterError, "items alone is no filter"),
    (lambda: Row.home.note == "x", NotIndexedError, "QueriedRow.home.note has no index, so it cannot be searched; declare it as"),
    (lambda: Row.number == Row.big, BadFilterError, "QueriedRow.number cannot be compared with another field, QueriedRow.big;"),
    (lambda: Row.number > 1 & Row.number < 3, BadFilterError, "QueriedRow.number alone is no filter; compare it with a value, each"),
    (lambda: Row.text == "a" | Row.flag, BadFilterError, "QueriedRow.flag alone is no filter"),
    (lambda: ~Row.flag, BadFilterError, "QueriedRow.flag alone is no filter"),
    (lambda: (Row.number > 1) & Row.flag, BadFilterError, "QueriedRow.flag is no filter"),
    (lambda: True & (Row.number > 1), BadFilterError, "True is no filter"),
    (lambda: "a" in Row.tags, BadFilterError, "QueriedRow.tags cannot be used with `in`; use .contains"),
    (lambda: Row.number in [1, 2], BadFilterError, "Python's and, or, not, in and chained comparisons cannot be used"),
    (lambda: Row.text.one_of("abc"), BadFilterError, "QueriedRow.text.one_of needs a collection of values, not 'abc'"),
    (lambda: Row.number.one_of(3), BadFilterError, "QueriedRow.number.one_of needs a collection of values, not 3"),
    (lambda: Row.number.one_of([]), BadFilterError, "QueriedRow.number.one_of was given no value"),
    (lambda: Row.text.startswith("a"), UnknownFieldError, "QueriedRow.text has no startswith; use == or != or one_of or prefix"),
    (lambda: Row.home == QueriedHome(), BadFilterError, "QueriedRow.home is a model, which cannot be compared; compare one of its fields: city"),
    (lambda: Row.items > 3, BadFilterError, "QueriedRow.items is a model, which cannot be compared"),
    (lambda: Row.place.near(0, 90, 1), BadFilterError, "latitudes up to 85.05112878 degrees"),
    (lambda: Row.text == "\ud800", BadFilterError, "QueriedRow.text cannot be compared: 'utf-8' codec can't encode"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "error", "said"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_told_with_its_cure(mistake: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        mistake()


def test_a_vector_query_has_its_place() -> None:
    from_vector: Any = QueriedRow.number
    with pytest.raises(BadFilterError, match="which nearest cannot compare"):
        from_vector.nearest([1.0])


def test_numbers_of_numpy_are_numbers() -> None:
    for given, plain in ((numpy.int64(3), 3), (numpy.float32(0.5), 0.5), (numpy.array(7), 7)):
        assert compiled(Row.number > given) == compiled(Row.number > plain)
    assert compiled(Row.flag == numpy.bool_(True)) == compiled(Row.flag == True)  # noqa: E712 - builds a filter


async def test_a_long_chain_is_one_node_and_too_deep_a_tree_is_told(source: ClientSource) -> None:
    await ensure_index(QueriedRow, source)
    rows = [QueriedRow(number=n) for n in range(5)]
    await QueriedRow.ainsert(*rows)
    any_of = reduce(or_, [Row.number == n for n in range(1, 3000)])
    none_of = reduce(and_, [Row.number != n for n in range(1, 3000)])
    negated = Row.number == 0
    for _ in range(501):
        negated = ~negated
    for expression, numbers in ((any_of, {1, 2, 3, 4}), (none_of, {0}), (negated, {1, 2, 3, 4})):
        assert {row.number for row in await QueriedRow.afind(expression)} == numbers
    tree = Row.number == 0
    for depth in range(70):
        tree = ((Row.number == 1) & tree) | (Row.number == 0) if depth % 2 else ~(tree | (Row.number == 2))
    assert {row.number for row in await QueriedRow.afind(tree)} == {
        row.number for row in rows if holds(tree, row)
    }
    for _ in range(100):
        tree = ~(tree & (Row.number == 3))
    with pytest.raises(BadFilterError, match="the filter is nested too deeply for the server; let the more"):
        await QueriedRow.afind(tree)


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


@pytest.mark.usefixtures("source")
async def test_a_filter_is_about_the_class_that_is_asked(source: ClientSource) -> None:
    for model in (ExpressionTree, ExpressionChild, ExpressionOther):
        await ensure_index(model, source)
    await ExpressionTree.ainsert(ExpressionTree(a=True))
    await ExpressionChild.ainsert(ExpressionChild(a=True), ExpressionChild(a=True))
    tree, child, other = (model.a == True for model in (ExpressionTree, ExpressionChild, ExpressionOther))  # noqa: E712 - builds filters
    assert [await ExpressionTree.acount(one) for one in (tree, child)] == [1, 1]
    assert [await ExpressionChild.acount(one) for one in (tree, child)] == [2, 2]
    further: Any = ExpressionChild.d
    wrong = [
        (other, "ExpressionOther.a is no field of ExpressionTree; use ExpressionTree.a"),
        (child & ~(further == True), "ExpressionChild.d is no field of ExpressionTree; ask ExpressionChild"),  # noqa: E712 - builds a filter
    ]
    for expression, said in wrong:
        for ask in (ExpressionTree.afind, ExpressionTree.adelete_many, ExpressionTree.explain):
            with pytest.raises(BadFilterError, match=said):
                await ask(expression)
        with pytest.raises(BadFilterError, match=said):
            await ExpressionTree.aupdate_many(expression, b=True)
        with pytest.raises(BadFilterError, match=said):
            ExpressionTree.aggregate().where(expression)
    assert await ExpressionTree.acount() == 1


async def test_words_with_characters_beyond_16_bits_are_like_no_other(source: ClientSource) -> None:
    await ensure_index(QueriedRow, source)
    rows = [QueriedRow(bio=bio) for bio in ("fox", "fox\U0001f600", "\U0001f600", "fo \U0001f600x")]
    await QueriedRow.ainsert(*rows)
    for expression in (Row.bio.fuzzy("fox", 2), ~Row.bio.fuzzy("fox", 2), Row.bio.matches("\U0001f600x")):
        assert await keys(expression) == {row.key for row in rows if holds(expression, row)}


async def test_what_is_negated_twice_is_found(source: ClientSource) -> None:
    await ensure_index(QueriedRow, source)
    rows = [QueriedRow(big=1, nick="a"), QueriedRow(big=2, nick="b"), QueriedRow()]
    await QueriedRow.ainsert(*rows)
    twice = [Row.big != None, ~(Row.big != 2), ~(Row.flag.is_none()), Row.nick != None, ~(Row.nick != "a")]  # noqa: E711 - builds filters
    for left, right in itertools.product(twice, repeat=2):
        for expression in (left & right, ~(left & right), left | right):
            assert await keys(expression) == {row.key for row in rows if holds(expression, row)}
