"""Values are values: none changes a query, whatever it looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rapyer.errors import BadFilterError
from rapyer.search.compile import compiled
from rapyer.search.index import ensure_index
from tests.integration.queried import QueriedItem, QueriedRow

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource

Row: Any = QueriedRow

ATTACKS = [
    "*", "(*)", "x} | @number:[-inf +inf] | @text:{x", "x}|*", "$v0", "$v0} @text:{$v1", "x') | (*", 'x" | *', "-*", "~*",
    "1 +inf] | (*) | @number:[0", "ismissing(@nick)", "=>[KNN 10 @flat $v0]", "x}=>{$weight: 5}", "w'*'", "%%%x%%%", "\\", "\\\\",
    "\\} | *", "}{", "a|b", "@text:{x}", "x*", "*x*", "?", "' OR 1=1", "\r\n*3\r\n$8\r\nFLUSHALL", "{", "}", "x}\\", "|", "$", "$$",
]  # fmt: skip


@pytest.fixture
async def rows(source: ClientSource) -> list[Any]:
    """Some instances, none of which has a value as the attacks are."""
    await ensure_index(QueriedRow, source)
    rows = [
        QueriedRow(
            number=n, text="innocent", nick="x", bio="some words", tags=["a"], items=[QueriedItem(name="n")]
        )
        for n in range(5)
    ]
    await QueriedRow.ainsert(*rows)
    return rows


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_attack_finds_and_deletes_nothing(attack: str, rows: list[Any]) -> None:
    filters = [
        Row.text == attack, Row.nick == attack, Row.tags == attack, Row.items.name == attack, Row.text.prefix(attack),
        Row.text.suffix(attack), Row.text.contains(attack), Row.nick.prefix(attack), Row.tags.contains(attack),
        Row.text.one_of([attack, "other"]), (Row.number == 3) & (Row.text == attack),
    ]  # fmt: skip
    for one in filters:
        assert await QueriedRow.afind(one) == [], one
        assert (await QueriedRow.adelete_many(one)).models_deleted == 0
    assert len(await QueriedRow.afind((Row.text != attack) & ~(Row.nick == attack))) == len(rows)


@pytest.mark.parametrize("attack", ATTACKS)
async def test_what_is_stored_is_found_by_itself_alone(attack: str, rows: list[Any]) -> None:
    guilty = await QueriedRow(
        text=attack, nick=attack, tags=[attack], items=[QueriedItem(name=attack)]
    ).asave()
    for one in (
        Row.text == attack, Row.nick == attack, Row.tags == attack, Row.items.name == attack, Row.text.prefix(attack),
        Row.text.suffix(attack), Row.text.contains(attack),
    ):  # fmt: skip
        assert [row.key for row in await QueriedRow.afind(one)] == [guilty.key], one
    assert (await QueriedRow.adelete_many(Row.text == attack)).models_deleted == 1
    assert len(await QueriedRow.afind()) == len(rows)


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_attack_among_words_looks_for_its_words(attack: str, rows: list[Any]) -> None:
    try:
        expression = Row.bio.matches(f"{attack} unheard-of")
    except BadFilterError:
        return
    assert await QueriedRow.afind(expression) == []
    assert len(await QueriedRow.afind(~expression)) == len(rows)


@pytest.mark.parametrize("attack", ["1 +inf] | *", "1]", "inf", "$v0", None, [1], {"a": 1}, b"1", 1j])
def test_what_is_no_number_does_not_get_as_far_as_a_query(attack: Any) -> None:
    with pytest.raises(BadFilterError, match="QueriedRow.number (compares with a number|is never None)"):
        _ = Row.number == attack
    with pytest.raises(BadFilterError, match="needs a longitude|compares with a number|is never None"):
        Row.place.near(attack, 0.0, 1.0)


@settings(max_examples=200, suppress_health_check=[HealthCheck.differing_executors])
@given(text=st.text(st.characters(exclude_characters="\x00", codec="utf-8"), min_size=1))
def test_no_text_is_a_part_of_the_query(text: str) -> None:
    plain = compiled((Row.text == "x") & Row.text.prefix("xx") & Row.text.contains("xx") & (Row.tags != "x"))
    given = compiled(
        (Row.text == text) & Row.text.prefix(text) & Row.text.contains(text + "x") & (Row.tags != text)
    )
    assert given.text == plain.text
    assert [*map(str, given.parameters.values())] == [
        one.replace("\\", "\\\\") for one in (text, text, text + "x", text)
    ]
