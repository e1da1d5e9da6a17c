"""Everything that queries can ask, as the text of a filter."""

from __future__ import annotations

import datetime as dt
import time
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from rapyer import AtomicRedisModel, Index
from rapyer.errors import BadFilterError, NotIndexedError, RapyerError
from rapyer.fields import GeoPoint
from rapyer.search.compile import compiled
from rapyer_nb.errors import NotebookError
from rapyer_nb.parsing import parse_filter, split_words


class Genre(Enum):
    NOVEL = "novel"
    ESSAY = "essay"


class Edition(BaseModel):
    publisher: Index[str] = ""
    price: Index[Decimal | None] = None


class ParsedBook(AtomicRedisModel):
    title: Annotated[str, Index(suffix=True)] = ""
    blurb: Annotated[str, Index(text=True)] = ""
    pages: Index[int] = 0
    genre: Index[Genre] = Genre.NOVEL
    genres: Index[list[Genre]] = []
    size: Index[Literal["small", "big"]] = "small"
    published: Index[dt.date | None] = None
    opened: Index[dt.datetime | None] = None
    at: Index[dt.time | None] = None
    lasts: Index[dt.timedelta | None] = None
    ident: Index[UUID | None] = None
    signed: Index[bool] = False
    tags: Index[list[str]] = []
    days: Index[list[dt.date]] = []
    scores: Index[dict[str, int]] = {}
    editions: list[Edition] = []
    first: Edition | None = None
    printed_at: Index[GeoPoint | None] = None
    vector: Annotated[list[float] | None, Index(dim=2, metric="L2")] = None
    notes: set[str] = set()
    save: Index[int] = 0


P: Any = ParsedBook
DAY = dt.date(2019, 5, 1)
IDENT = "6f0b9c0e-7a3d-4d3e-8f57-0c0b6b8e6a11"
VARIABLES: dict[str, Any] = {
    "dt": dt,
    "datetime": dt.datetime,
    "now": lambda: None,
    "vec": [0.1, 0.9],
    "adults": P.pages > 3,
    "asked": {"big": P.size == "big"},
    "number": 4,
    "here": GeoPoint(2.3, 48.8),
    "wanted": [Genre.ESSAY],
}


def parsed(text: str, variables: dict[str, Any] = VARIABLES) -> Any:
    return parse_filter(ParsedBook, text, variables)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('title.prefix("The ")', P.title.prefix("The ")),
        ('title.suffix("Fox")', P.title.suffix("Fox")),
        ('title.contains("d F")', P.title.contains("d F")),
        ('"d F" in title', P.title.contains("d F")),
        ('blurb.matches("red fox")', P.blurb.matches("red fox")),
        ('blurb.fuzzy("atumn")', P.blurb.fuzzy("atumn")),
        ('blurb.fuzzy("atumn", distance=2)', P.blurb.fuzzy("atumn", distance=2)),
        ('blurb.fuzzy("atumn", 2)', P.blurb.fuzzy("atumn", 2)),
        ('tags.contains("vip")', P.tags.contains("vip")),
        ('"vip" in tags', P.tags.contains("vip")),
        ('"vip" not in tags', ~P.tags.contains("vip")),
        ("3 in scores", P.scores.contains(3)),
        ("scores.contains($number)", P.scores.contains(4)),
        ("pages.between(1, $number)", P.pages.between(1, 4)),
        ("pages.one_of([1, 2])", P.pages.one_of([1, 2])),
        ("pages.one_of({1, 2})", P.pages.one_of([1, 2])),
        ("published is None", P.published.is_none()),
        ("published is not None", ~P.published.is_none()),
        ("published.is_none()", P.published.is_none()),
        ('published >= "2019-05-01"', P.published >= DAY),
        ("published >= date(2019, 5, 1)", P.published >= DAY),
        ("published >= dt.date(2019, 5, 1)", P.published >= DAY),
        ("published >= {dt.date(2019, 5, 1)}", P.published >= DAY),
        ('"2019-01-01" < published < "2019-05-01"', (P.published > dt.date(2019, 1, 1)) & (P.published < DAY)),
        ('published in {"2019-05-01"}', P.published.one_of([DAY])),
        ('published.between("2019-05-01", "2019-05-01")', P.published.between(DAY, DAY)),
        ('"2019-05-01" in days', P.days.contains(DAY)),
        ('opened < "2019-05-01"', P.opened < dt.datetime(2019, 5, 1)),
        ('opened < "2019-05-01 12:30"', P.opened < dt.datetime(2019, 5, 1, 12, 30)),
        ('opened < "2019-05-01T12:30:00Z"', P.opened < dt.datetime(2019, 5, 1, 12, 30, tzinfo=dt.timezone.utc)),
        ("opened < datetime(2019, 5, 1) - timedelta(days=1)", P.opened < dt.datetime(2019, 4, 30)),
        ('at < "18:30"', P.at < dt.time(18, 30)),
        ('lasts > "1:30:00"', P.lasts > dt.timedelta(minutes=90)),
        ('lasts > "P3D"', P.lasts > dt.timedelta(days=3)),
        ("lasts > 2 * timedelta(hours=1)", P.lasts > dt.timedelta(hours=2)),
        (f'ident == "{IDENT}"', P.ident == UUID(IDENT)),
        (f'ident == UUID("{IDENT}")', P.ident == UUID(IDENT)),
        ('genre == "essay"', P.genre == Genre.ESSAY),
        ('genre == "ESSAY"', P.genre == Genre.ESSAY),
        ("genre == Genre.ESSAY", P.genre == Genre.ESSAY),
        ("Genre.ESSAY == genre", P.genre == Genre.ESSAY),
        ("genre in {Genre.ESSAY}", P.genre.one_of([Genre.ESSAY])),
        ('genre in {Genre.ESSAY, "novel"}', P.genre.one_of([Genre.ESSAY, Genre.NOVEL])),
        ("genre in $wanted", P.genre.one_of([Genre.ESSAY])),
        ("Genre.ESSAY in genres", P.genres.contains(Genre.ESSAY)),
        ("signed", P.signed == True),  # noqa: E712
        ("not signed", ~(P.signed == True)),  # noqa: E712
        ("signed == False", P.signed == False),  # noqa: E712
        ('editions.publisher == "Birch"', P.editions.publisher == "Birch"),
        ("editions.price > 12.50", P.editions.price > Decimal("12.5")),
        ('editions.price > "12.50"', P.editions.price > Decimal("12.5")),
        ("first.price is None", P.first.price.is_none()),
        ("printed_at.near(2.35, 48.85, km=5)", P.printed_at.near(2.35, 48.85, km=5)),
        ("printed_at.near(*$here, km=5)", P.printed_at.near(2.3, 48.8, km=5)),
        ("vector.nearest([0.1, 0.9], k=2)", P.vector.nearest([0.1, 0.9], k=2)),
        ("signed and vector.nearest($vec)", (P.signed == True) & P.vector.nearest([0.1, 0.9])),  # noqa: E712
        ("$adults and signed", (P.pages > 3) & (P.signed == True)),  # noqa: E712
        ("not {adults}", ~(P.pages > 3)),
        ('$asked["big"]', P.size == "big"),
        ("save > 3", P.save > 3),
        ('ParsedBook.first.publisher == "x"', P.first.publisher == "x"),
    ],
)  # fmt: skip
def test_all_that_queries_can_ask(text: str, expected: Any) -> None:
    assert parsed(text) == expected
    assert parsed(" ".join(split_words(text))) == expected


def test_times_of_now() -> None:
    week = dt.timedelta(days=7)
    before = P.opened > dt.datetime.now() - week
    asked = parsed("opened > now() - timedelta(days=7)", {})
    assert before.value <= asked.value <= (P.opened > dt.datetime.now() - week).value
    assert parsed("published == today()", {}) in (P.published == dt.date.today(), P.published == DAY)


def test_the_names_of_functions_are_the_users_if_he_has_them() -> None:
    with pytest.raises(NotebookError, match=r"'now\(\)' is not evaluated here"):
        parsed("opened > now()")
    assert parsed("opened > datetime(2019, 5, 1)") == (P.opened > dt.datetime(2019, 5, 1))
    with pytest.raises(NotebookError, match=r"'date\(2019, 5, 1\)' is not evaluated here"):
        parsed("published > date(2019, 5, 1)", {"date": dt.datetime})
    for date in (dt.date, "2019-05-01", time):  # which nobody means to call
        assert parsed("published > date(2019, 5, 1)", {"date": date}) == (P.published > DAY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('key == "Book:1"', "unknown field 'key' on ParsedBook; filters compare fields; %rapyer_get reads a model by its key"),
        ("title == Foo", "'Foo' is neither a field of ParsedBook nor a value; write \"Foo\" for a text, $Foo for a variable"),
        ("title == null", "unknown field 'null' on ParsedBook; Python writes None"),
        ("signed == true", "unknown field 'true' on ParsedBook; Python writes True"),
        ("pages > 3 & pages < 5", "& binds '3 & pages' together before anything is compared; write 'and', or put each comparison in parentheses"),
        ("pages > 3 | signed", "| binds '3 | signed' together before anything is compared; write 'or', or put each comparison in parentheses"),
        ("pages > 3 && signed", "cannot read the filter 'pages > 3 && signed'; write 'and' for &&"),
        ("pages > 3 || signed", "cannot read the filter 'pages > 3 || signed'; write 'or' for ||"),
        ("!signed", "cannot read the filter '!signed'; write 'not' for !"),
        ("pages > 3 AND signed", "cannot read the filter 'pages > 3 AND signed'; write AND in lower case"),
        ("pages => 3", "cannot read the filter 'pages => 3'; write >= or <="),
        ("pages <> 3", "cannot read the filter 'pages <> 3'; write != for unequal"),
        ("title = \"a && b\"", "cannot read the filter 'title = \"a && b\"'; use == to compare"),
        ('title LIKE "x%"', "cannot read the filter 'title LIKE \"x%\"'; LIKE is SQL; write name.prefix(…) or name.contains(…)"),
        ('title.startswith("x")', "unknown operator 'startswith' on title; did you mean 'prefix'?"),
        ('tags.contain("x")', "unknown operator 'contain' on tags; did you mean 'contains'?"),
        ('title.lower() == "x"', "unknown operator 'lower' on title; there are between, contains, fuzzy, is_none, matches, near, nearest, one_of, prefix, suffix"),
        ("title.prefix()", "title.prefix: missing a required argument: 'text'; as in: title.prefix(\"Mr \")"),
        ('title.prefix("a", "b")', 'title.prefix: too many positional arguments; as in: title.prefix("Mr ")'),
        ("printed_at.near(2.3)", "printed_at.near: missing a required argument: 'lat'; as in: printed_at.near(2.35, 48.86, km=5)"),
        ("printed_at.near(2, 3, 4, miles=3)", "printed_at.near: got an unexpected keyword argument 'miles'; as in: printed_at.near(2.35, 48.86, km=5)"),
        ("editions == 3", "'editions' holds models, which are not compared as a whole; name one of their fields: editions.publisher"),
        ('editions.contains("x")', "'editions' holds models, which are not compared as a whole; name one of their fields: editions.publisher"),
        ("first", "'first' holds models, which are not compared as a whole; name one of their fields: first.publisher"),
        ('editions.pub == "x"', "unknown field 'pub' on ParsedBook.editions; it has publisher, price"),
        ("len(title) > 3", "'len' is no function that a filter knows; there are those of fields, as in title.prefix(\"Mr \")"),
        ("pages + 1 > 3", "'pages + 1' is worked out of the field 'pages'; compare the field itself, as the server's index has no other values"),
        ("pages > title + 1", "'title + 1' is worked out of the field 'title'; compare the field itself, as the server's index has no other values"),
        ('title[0] == "a"', "'title[0]' is worked out of the field 'title'; compare the field itself, as the server's index has no other values"),
        ('tags.contains("x") == True', "\"tags.contains('x')\" is a condition already; leave the comparison with 'True' out"),
        ("$number and signed", "'$number' is no filter, but of type int; a filter made in Python can stand here: adults = ParsedBook.age >= 18"),
        ('published >= "2019-5"', "ParsedBook.published compares with a date, and '2019-5' is none; write \"2024-12-31\" or date(2024, 12, 31)"),
        ('"soon" in days', "ParsedBook.days compares with a date, and 'soon' is none; write \"2024-12-31\" or date(2024, 12, 31)"),
        ('lasts > "5"', "ParsedBook.lasts compares with a time span, and '5' is none; write \"1:30:00\" or timedelta(hours=1, minutes=30)"),
        ('at > "25:00"', "ParsedBook.at compares with a time of day, and '25:00' is none; write \"18:30\" or time(18, 30)"),
        ('editions.price > "much"', "ParsedBook.editions.price compares with a decimal, and 'much' is none; write 12.50"),
        ("genre == Genre.ESAY", "Genre has no member 'ESAY'; did you mean 'ESSAY'?"),
        ("genre == Gen.ESSAY", "'Gen' is neither a field of ParsedBook nor a value; write \"Gen\" for a text, $Gen for a variable"),
        ("published > date(2019, 13, 1)", "'date(2019, 13, 1)' has no value: ValueError: month must be in 1..12"),
        ('pages.one_of("abc")', "\"'abc'\" is not a collection; write [a, b], (a, b) or {a, b} after 'in'"),
        ("pages in tags", "'pages' and 'tags' are both fields; a filter compares fields with values and joins that by and, or, not"),
        ("published > date(*$vec)", "'date(*$vec)' is not evaluated here; assign it to a variable and write $name for its value; date, datetime, time, timedelta, Decimal, UUID, now, today can be called"),
    ],
)  # fmt: skip
def test_mistakes_are_named_in_one_line(text: str, message: str) -> None:
    with pytest.raises(NotebookError) as raised:
        parsed(text)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('pages.prefix("a")', "ParsedBook.pages is indexed as number, which prefix cannot compare"),
        ('blurb.contains("x")', r"which contains cannot compare; declare it with Index\(suffix=True\)"),
        ('title.matches("x")', r"which matches cannot compare; declare it with Index\(text=True\)"),
        ("printed_at == 3", "is indexed as place, which == cannot compare; use near"),
        ("vector.nearest([1, 2, 3])", "the vector has 3 numbers and not 2"),
        ('pages > "100"', "ParsedBook.pages compares with a number, not with '100'"),
        ('genre == "poem"', "Genre: one of 'novel', 'essay', not with 'poem'"),
        ("signed is None", "ParsedBook.signed is never None; declare it as Optional"),
        ("pages.one_of([])", "pages.one_of was given no value"),
        ('published > $number', "ParsedBook.published compares with a date, not with 4"),
    ],
)  # fmt: skip
def test_the_library_says_what_an_index_cannot_do(text: str, message: str) -> None:
    with pytest.raises(BadFilterError, match=message):
        parsed(text)


def test_fields_without_an_index() -> None:
    for text in ('notes == "x"', 'notes.contains("x")', '"x" in notes'):
        with pytest.raises(NotIndexedError, match="ParsedBook.notes has no index, so it cannot be searched"):
            parsed(text)


FIELDS = [*ParsedBook.model_fields, "editions.price", "first.publisher", "nothing", "$vec", "{number}"]
METHODS = [
    "between",
    "contains",
    "fuzzy",
    "is_none",
    "matches",
    "near",
    "nearest",
    "one_of",
    "prefix",
    "lower",
]
VALUES = [
    "3", "-1.5", "9" * 400, "1e400", '"x"', '""', "None", "True", "[1, 2]", "[]", "{1}", '"2019-05-01"', "Genre.ESSAY",
    "$vec", "$adults", "$missing", "now()", "date(1, 1, 1)", "timedelta(days=10**3)", "{number / 0}", "k=3", "distance=9",
    "low=1", "*$here", "**$here", "pages", "'\\x00'", "f'{1}'", "lambda: 1", "nan", "b'x'", "...", "1j",
]  # fmt: skip
comparisons = st.builds(
    " ".join, st.tuples(st.sampled_from(FIELDS + VALUES), st.sampled_from(["==", "<", "in", "is", "not in", "&"]), st.sampled_from(FIELDS + VALUES))
)  # fmt: skip
calls = st.builds(
    lambda field, method, values: f"{field}.{method}({', '.join(values)})",
    st.sampled_from(FIELDS),
    st.sampled_from(METHODS),
    st.lists(st.sampled_from(VALUES), max_size=4),
)


@given(st.lists(comparisons | calls | st.sampled_from(FIELDS), min_size=1, max_size=3), st.sampled_from([" and ", " or ", " | ", " < ", " and not "]))  # fmt: skip
def test_anything_gives_a_filter_or_a_message_in_one_line(parts: list[str], joint: str) -> None:
    try:
        compiled(parsed(joint.join(parts)))
    except (NotebookError, RapyerError) as error:
        assert str(error) and "\n" not in str(error)
