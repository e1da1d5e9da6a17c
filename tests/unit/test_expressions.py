"""Expressions are checked when they are made, and compile to queries whose values are parameters."""

from __future__ import annotations

import math
from typing import Annotated, Any, Optional

import pytest
from pydantic import BaseModel

from rapyer import AtomicRedisModel, Index
from rapyer.errors import BadFilterError, NotIndexedError, UnknownFieldError, UnsupportedIndexedFieldError
from rapyer.search.compile import compiled
from rapyer.search.index import declared


class City(BaseModel):
    name: Index[str]
    people: int = 0


class Member(AtomicRedisModel):
    name: str = ""
    age: Index[int] = 0
    score: Annotated[float, Index] = 0.0
    status: Index[str] = "active"
    nick: Index[Optional[str]] = None  # noqa: UP045 - the other spelling is tested by team
    team: Index[str | None] = None
    city: City = City(name="Paris")
    home: City | None = None


@pytest.mark.parametrize(
    ("expression", "text", "values"),
    [
        (Member.age >= 18, "(@age:[$v0 +inf])", ["18"]),
        (Member.age > 18, "(@age:[($v0 +inf])", ["18"]),
        (Member.age < 18, "(@age:[-inf ($v0])", ["18"]),
        (Member.age <= 18.5, "(@age:[-inf $v0])", ["18.5"]),
        (Member.age == 18, "(@age:[$v0 $v0])", ["18"]),
        (Member.age != 18, "(-@age:[$v0 $v0])", ["18"]),
        (Member.status == "x", "(@status:{$v0})", ["x"]),
        (Member.nick != "x", "(-@nick:{$v0})", ["x"]),
        (Member.team == "x", "(@team:{$v0})", ["x"]),
        (Member.city.name == "Rome", "(@city\\.name:{$v0})", ["Rome"]),
        (Member.home.name == "Rome", "(@home\\.name:{$v0})", ["Rome"]),  # type: ignore[union-attr]
    ],
)
def test_a_comparison_compiles(expression: Any, text: str, values: list[str]) -> None:
    query = compiled(expression)
    assert query.text == text
    assert list(query.parameters.values()) == values


def test_every_node_stands_in_parentheses() -> None:
    expression: Any = ~((Member.age > 1) & (Member.status == "a")) | (Member.score < 2.0)  # type: ignore[operator]
    assert compiled(expression).text == "((-((@age:[($v0 +inf]) (@status:{$v1}))) | (@score:[-inf ($v2]))"


def test_values_never_become_part_of_the_text() -> None:
    evil = '1000 +inf] | @name:bob @age:[0 "}{*'
    assert evil not in compiled(Member.status == evil).text  # type: ignore[arg-type]


def test_ranges_and_choices() -> None:
    age: Any = Member.age
    assert compiled(age.between(1, 5)).text == "(@age:[$v0 $v1])"
    assert compiled(age.one_of([1, 2])).text == "((@age:[$v0 $v0]) | (@age:[$v1 $v1]))"
    with pytest.raises(BadFilterError, match="age.one_of was given no value"):
        age.one_of([])


def test_none_asks_for_everything() -> None:
    assert compiled(None).text == "*"


def test_a_field_without_index_is_named_with_the_cure() -> None:
    with pytest.raises(NotIndexedError) as raised:
        _ = Member.name == "Ada"
    assert (
        str(raised.value)
        == "Member.name has no index, so it cannot be searched; declare it as `name: Index[…]`"
    )
    with pytest.raises(NotIndexedError, match="people has no index"):
        _ = Member.city.people > 3


def test_a_value_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(BadFilterError, match="Member.age compares with a number, not with '18'"):
        _ = Member.age > "18"  # type: ignore[operator]
    with pytest.raises(BadFilterError, match="Member.status compares with a str, not with 5"):
        _ = Member.status == 5
    with pytest.raises(BadFilterError, match="a number, not with True"):
        _ = Member.age == True  # noqa: E712
    with pytest.raises(BadFilterError, match="nan is no number that can be searched for"):
        _ = Member.age == math.nan


def test_text_has_no_order() -> None:
    with pytest.raises(BadFilterError) as raised:
        _ = Member.status > "a"
    assert (
        str(raised.value)
        == "Member.status is indexed as exact text, which > cannot compare; use == or != or one_of or prefix"
    )


def test_unknown_inner_field() -> None:
    with pytest.raises(UnknownFieldError, match="unknown field 'nam' on Member.city; did you mean 'name'?"):
        _ = Member.city.nam == "x"  # type: ignore[attr-defined]


def test_unknown_field() -> None:
    with pytest.raises(UnknownFieldError, match="unknown field 'agee' on Member; did you mean 'age'?"):
        _ = Member.agee == 1  # type: ignore[attr-defined]
    assert not hasattr(Member, "agee")


def test_python_words_do_not_pass_for_filters() -> None:
    with pytest.raises(BadFilterError, match="combine filters with & | ~"):
        _ = (Member.age > 1) and (Member.age < 5)
    with pytest.raises(BadFilterError, match="combine filters with"):
        _ = 1 < Member.age < 5
    with pytest.raises(BadFilterError, match="age alone is no filter"):
        bool(Member.age)
    with pytest.raises(BadFilterError, match="is no filter"):
        _ = (Member.age > 1) & "x"  # type: ignore[operator]


def test_the_index_declares_inner_fields_by_path() -> None:
    assert [(name, path, kind.name) for name, path, kind in declared(Member)] == [
        ("age", "$.age", "number"),
        ("score", "$.score", "number"),
        ("status", "$.status", "exact text"),
        ("nick", "$.nick", "exact text"),
        ("nick:none", "$[?(@==null && $.nick==null)]", "null"),
        ("team", "$.team", "exact text"),
        ("team:none", "$[?(@==null && $.team==null)]", "null"),
        ("city.name", "$.city.name", "exact text"),
        ("home.name", "$.home.name", "exact text"),
    ]


def test_an_index_that_the_type_does_not_allow_is_named() -> None:
    class Wrong(AtomicRedisModel):
        tags: Index[list[complex]] = []

    with pytest.raises(
        UnsupportedIndexedFieldError,
        match="Wrong.tags has an Index.*index an int, a float, a str or a datetime",
    ):
        list(declared(Wrong))


class MemberVector(AtomicRedisModel):
    at: Annotated[list[float], Index(dim=2)] = [0.0, 0.0]
    name: Annotated[str, Index(suffix=True, text=True)] = ""
    big: Index[int | None] = None
    other: int = 0


def test_a_query_says_what_is_to_be_done_about_it() -> None:
    vector: Any = MemberVector
    assert compiled(vector.big == 5).plain
    assert compiled(vector.big == 2**53).check
    assert compiled(vector.name.prefix("a")).expands
    assert compiled(vector.name.suffix("a")).check
    assert not compiled(vector.name.suffix("ab")).check
    assert compiled(vector.name.fuzzy("word")).check
    nearest = compiled((vector.big < 5) & vector.at.nearest([0.5, 1], k=3))
    assert nearest.nearest == 3
    assert nearest.text == "((@big:[-inf ($v0]))=>[KNN $k @at $v1 AS __distance]"


def test_nearest_stands_beside_other_filters_alone() -> None:
    vector: Any = MemberVector
    near = vector.at.nearest([1.0, 2.0])
    for expression in (~near, near | (vector.big == 1), (vector.big == 1) & ~near):
        with pytest.raises(
            BadFilterError, match=r"at.nearest stands within \| or ~; combine it with other filters by &"
        ):
            compiled(expression)
    with pytest.raises(BadFilterError, match="only one nearest"):
        compiled(near & near)
    for k in (0, 10**6 + 1, 2.0, True):
        with pytest.raises(BadFilterError, match="MemberVector.at.nearest was given k="):
            vector.at.nearest([1.0, 2.0], k=k)
    with pytest.raises(BadFilterError, match="1e\\+300 in it, which is beyond FLOAT32"):
        vector.at.nearest([1.0, 1e300])
    with pytest.raises(BadFilterError, match="what the index knows only roughly"):
        compiled(near & (vector.big == 2**60))


def test_the_texts_of_each_node() -> None:
    member: Any = MemberVector
    texts = {
        member.big.is_none(): "(-@big:[-inf +inf])",
        member.name.prefix("ab"): "(@name:{$v0*})",
        member.name.contains("ab"): "(@name\\:endings:{*$v0*})",
        member.name.matches("Red fox"): '(@name\\:words:("red" "fox"))',
        member.name.fuzzy("fox", 2): "(@name\\:words:(%%$v0%%))",
    }
    for expression, text in texts.items():
        assert compiled(expression).text == text
    nick: Any = Member.nick
    assert compiled(nick == None).text == "((ismissing(@nick)) | (-ismissing(@nick\\:none)))"  # noqa: E711 - builds a filter
