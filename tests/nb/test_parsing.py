"""The text of a magic's line: words, values and filters, none of which is ever run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from rapyer import AtomicRedisModel, Index
from rapyer.errors import BadFilterError, NotIndexedError, RapyerError
from rapyer_nb.errors import NotebookError
from rapyer_nb.parsing import parse_filter, resolve, split_words


class Address(BaseModel):
    city: Index[str] = ""
    street: str = ""


class Customer(AtomicRedisModel):
    name: Index[str] = ""
    age: Index[int] = 0
    score: Index[float] = 0.0
    status: Index[str] = "active"
    nickname: Index[str] | None = None
    note: str = ""
    active: bool = True
    tags: list[str] = []
    address: Address = Address()
    former: Address | None = None


VARIABLES: dict[str, Any] = {
    "limit": 30,
    "who": "Ada",
    "wanted": ["active", "new"],
    "nothing": [],
    "config": SimpleNamespace(oldest=65, names={"first": "Ada"}),
    "rows": [{"age": 7}],
}

P: Any = Customer


def parsed(text: str) -> Any:
    return parse_filter(Customer, text, VARIABLES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("age >= 18", P.age >= 18),
        ("age>=18", P.age >= 18),
        ("18 <= age", P.age >= 18),
        ("18 <= age < 65", (P.age >= 18) & (P.age < 65)),
        ("1 < age < 5 < score", (P.age > 1) & (P.age < 5) & (P.score > 5)),
        ("age == -3", P.age == -3),
        ("age == +3", P.age == 3),
        ("score < 1.5", P.score < 1.5),
        ("score < -1e3", P.score < -1000.0),
        ('name == "Ada"', P.name == "Ada"),
        ("name != 'it\\'s'", P.name != "it's"),
        ("'Ada' == name", P.name == "Ada"),
        ('name == "$who {limit} and --limit"', P.name == "$who {limit} and --limit"),
        ('age > 1 and status == "a"', (P.age > 1) & (P.status == "a")),
        ('age > 1 or status == "a"', (P.age > 1) | (P.status == "a")),
        ('not status == "a"', ~(P.status == "a")),
        ('not (age > 1 or age < 0) and name == "x"', ~((P.age > 1) | (P.age < 0)) & (P.name == "x")),
        ('status in {"a", "b"}', P.status.one_of(["a", "b"])),
        ('status in ["a", "b"]', P.status.one_of(["a", "b"])),
        ('status in ("a",)', P.status.one_of(["a"])),
        ('status not in ["a", "b"]', ~P.status.one_of(["a", "b"])),
        ('status in {"a"}', P.status.one_of(["a"])),
        ("age in [1, -2, $limit]", P.age.one_of([1, -2, 30])),
        ("status in $wanted", P.status.one_of(["active", "new"])),
        ("status in {wanted}", P.status.one_of(["active", "new"])),
        ("age in {limit}", P.age.one_of([30])),
        ('address.city == "Paris"', P.address.city == "Paris"),
        ('former.city == "Paris"', P.former.city == "Paris"),
        ("age < $limit", P.age < 30),
        ("age < {limit}", P.age < 30),
        ("age < {limit + 2 * 10}", P.age < 50),
        ("age < {-limit}", P.age < -30),
        ("age < $config.oldest", P.age < 65),
        ("age < {config.oldest}", P.age < 65),
        ('name == $config.names["first"]', P.name == "Ada"),
        ('age == {rows[0]["age"]}', P.age == 7),
        ("age == $rows[0]['age']", P.age == 7),
        ("$limit >= age", P.age <= 30),
        ("  age  ==  1  ", P.age == 1),
        ("age > 1 + 2 * $limit", P.age > 61),
        ("~(age > 1)", ~(P.age > 1)),
        (
            '(Customer.age > 1) & ~(status == "a") | (score < 2)',
            (P.age > 1) & ~(P.status == "a") | (P.score < 2),
        ),
    ],
)
def test_filters(text: str, expected: Any) -> None:
    # Both as the text and as the words of a line, put together again.
    assert parsed(text) == expected
    assert parsed(" ".join(split_words(text))) == expected


def test_no_text_is_no_filter() -> None:
    assert parsed("") is None
    assert parsed("   ") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("agee > 3", "unknown field 'agee' on Customer; did you mean 'age'?"),
        ("AGE > 3", "unknown field 'AGE' on Customer; did you mean 'age'?"),
        ('address.cty == "x"', "unknown field 'cty' on Customer.address; did you mean 'city'?"),
        ("age > limit", "unknown field 'limit' on Customer; for the variable write $limit"),
        ("limit > 3", "unknown field 'limit' on Customer; for the variable write $limit"),
        ("name.first == 'x'", "field 'name' of Customer has no fields inside it"),
        ("age = 3", "cannot read the filter 'age = 3'; use == to compare"),
        ("age >", "cannot read the filter 'age >'; invalid syntax"),
        ("name == 'x", "cannot read the filter \"name == 'x\"; unterminated string literal (detected at line 1)"),
        ("age > $", "cannot read the filter 'age > $'; a $ must be followed by the name of a variable"),
        ("age", "'age' alone is no condition; compare it: age == …"),
        ("age > 1 and name", "'name' alone is no condition; compare it: name == …"),
        ("3", "'3' cannot stand in a filter; a filter compares fields with values and joins that by and, or, not"),
        ("len(name) > 3", "'len' is no function that a filter knows; there are those of fields, as in name.prefix(\"Mr \")"),
        ("age > len(name)", "'len' is no function that a filter knows; there are date, datetime, time, timedelta, Decimal, UUID, now, today; or work it out before, and write $name"),
        ("age > score", "'age' and 'score' are both fields; a filter compares fields with values and joins that by and, or, not"),
        ("1 > 2", "'1' and '2' are both values; compare with a field of Customer"),
        ("'a' in 'abc'", "\"'a'\" and \"'abc'\" are both values, and 'in' needs a field; as in: status in {\"a\", \"b\"}, or \"vip\" in tags"),
        ("age in 3", "'3' is not a collection; write [a, b], (a, b) or {a, b} after 'in'"),
        ("age is 3", "'is' works with None only; use == to compare"),
        ("age > $limt", "there is no variable 'limt'; did you mean 'limit'?"),
        ("age > {limt}", "there is no variable 'limt'; did you mean 'limit'?"),
        ("age > {max(limit, 3)}", "'max(limit, 3)' is not evaluated here; assign it to a variable and write $name for its value; date, datetime, time, timedelta, Decimal, UUID, now, today can be called"),
        ("age > {config._secret}", "'config._secret' is private, and not looked up here; assign it to a variable first"),
        ("age > {config.youngest}", "'config.youngest' has no value: AttributeError: 'types.SimpleNamespace' object has no attribute 'youngest'"),
        ("age > {limit // 0}", "'limit // 0' has no value: ZeroDivisionError: integer division or modulo by zero"),
        ("age > 1 if age else 2", "'age > 1 if age else 2' cannot stand in a filter; a filter compares fields with values and joins that by and, or, not"),
        ("[age > 1]", "'[age > 1]' cannot stand in a filter; a filter compares fields with values and joins that by and, or, not"),
        ("(x := age) > 1", "'(x := age)' is worked out of the field 'age'; compare the field itself, as the server's index has no other values"),
        ("age > 1, age < 3", "'(age > 1, age < 3)' cannot stand in a filter; a filter compares fields with values and joins that by and, or, not"),
        ("lambda x: age > 1", "'lambda x: age > 1' cannot stand in a filter; a filter compares fields with values and joins that by and, or, not"),
        ("(yield)", "'(yield)' cannot stand in a filter; a filter compares fields with values and joins that by and, or, not"),
        ("name == f'{who}'", "\"f'{who}'\" is not a value; write a literal, $name for a variable, or {…} to work one out"),
    ],
)  # fmt: skip
def test_mistakes_are_named_in_one_line(text: str, message: str) -> None:
    with pytest.raises(NotebookError) as raised:
        parsed(text)
    assert str(raised.value) == message


def test_the_librarys_own_complaints_come_through() -> None:
    with pytest.raises(NotIndexedError, match="Customer.note has no index"):
        parsed("note == 'x'")
    with pytest.raises(NotIndexedError, match="Customer.active has no index"):
        parsed("active")
    with pytest.raises(BadFilterError, match="Customer.age compares with a number, not with 'x'"):
        parsed("age == 'x'")
    with pytest.raises(BadFilterError, match="which < cannot compare"):
        parsed("name < 'x'")
    with pytest.raises(BadFilterError, match="was given no value"):
        parsed("age in $nothing")


def test_deep_nesting_is_refused_in_one_line() -> None:
    for text in ("(" * 400 + "age > 1" + ")" * 400, "not " * 2000 + "age > 1"):
        with pytest.raises(NotebookError, match="nested too deeply|too many nested"):
            parsed(text)


def test_long_texts_are_refused() -> None:
    with pytest.raises(
        NotebookError, match=r"the filter is too long \(20,005 characters\); use \$name for long values"
    ):
        parsed("x" * 20_000 + " == 1")


def test_nothing_is_ever_run() -> None:
    ran: list[str] = []

    class Trap:
        def __call__(self) -> int:
            ran.append("called")
            return 1

        def __lt__(self, other: object) -> bool:
            ran.append("compared")
            return True

    for text in (
        "age > {trap()}",
        "trap() > age",
        "age > $trap()",
        "name == {__import__('os').system('true')}",
    ):
        with pytest.raises(NotebookError):
            parse_filter(Customer, text, {"trap": Trap()})
    assert ran == []


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_a_string_reaches_the_filter_as_it_is(text: str) -> None:
    assert parse_filter(Customer, "name == $value", {"value": text}) == (P.name == text)
    assert parse_filter(Customer, f"name == {text!r}", {}) == (P.name == text)
    assert parse_filter(Customer, " ".join(split_words(f"name == {text!r}")), {}) == (P.name == text)


@given(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reaches_the_filter_as_it_is(whole: int, fraction: float) -> None:
    assert parse_filter(Customer, f"age > {whole!r}", {}) == (P.age > whole)
    assert parse_filter(Customer, f"score > {fraction!r}", {}) == (P.score > fraction)


@given(st.text(alphabet=st.sampled_from(list("agenmstu .<>=!()[]{}'\"$,+-*~0123:\\\n#@;|&^%\0é"))))
def test_any_text_gives_a_filter_or_a_message(text: str) -> None:
    try:
        parse_filter(Customer, " ".join(split_words(text)), {"a": 1, "n": "x"})
    except (NotebookError, RapyerError) as error:
        assert str(error)


@given(st.lists(st.from_regex(r"[a-z$0-9=<>]{1,5}|'[^'\\]*'|\([a-z ]*\)", fullmatch=True)))
def test_words_are_split_at_white_space_outside_of_strings_and_brackets(words: list[str]) -> None:
    assert split_words("  ".join(words)) == words


def test_words_of_an_unfinished_line() -> None:
    assert split_words("User name == 'it") == ["User", "name", "==", "'it"]
    assert split_words("User x) --limit 3") == ["User", "x)", "--limit", "3"]
    assert split_words("") == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("limit", 30),
        ("$limit", 30),
        ("rows[0]", {"age": 7}),
        ("rows[-1]['age']", 7),
        ("'text'", "text"),
        ("[limit, 2]", [30, 2]),
        ("limit % 7", 2),
    ],
)
def test_values_of_variables(text: str, value: object) -> None:
    assert resolve(text, VARIABLES) == value
