"""Some fields instead of whole documents."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from rapyer import AtomicRedisModel, Index, Key, SafeLoad
from rapyer.errors import BadFilterError, CorruptedModelError, UnknownFieldError
from rapyer.search.index import ensure_index

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource


class PickedColor(Enum):
    RED = 1
    BLUE = (2, 3)


class PickedHome(BaseModel):
    city: Index[str] = ""
    floor: int | None = None


class PickedRow(AtomicRedisModel):
    name: Key[str]
    age: Index[int] = 0
    nick: str | None = "nobody"
    at: dt.datetime = dt.datetime(2024, 1, 1)
    since: Index[dt.datetime | None] = None
    money: Decimal = Decimal("1.10")
    color: PickedColor = PickedColor.RED
    uid: UUID = UUID(int=5)
    raw: bytes = b"\x00\xff"
    flag: bool = True
    lst: list[int] = [1]
    dct: dict[str, list[dt.date]] = {}
    anything: Any = None
    home: PickedHome = PickedHome()
    second: PickedHome | None = None
    others: list[PickedHome] = []
    safe: SafeLoad[dt.date | None] = None
    safe_list: SafeLoad[list[dt.date]] = []
    tags: set[str] = {"a"}
    local: Annotated[int, Field(exclude=True)] = 0


@pytest.fixture(autouse=True)
async def _indexed(source: ClientSource) -> None:
    await ensure_index(PickedRow, source)


_SIMPLE = (
    "name", "age", "nick", "at", "since", "money", "color", "uid", "raw", "flag", "lst", "dct", "anything",
)  # fmt: skip


async def _rows() -> list[Any]:
    return await PickedRow.ainsert(
        PickedRow(name="a", age=3),
        PickedRow(
            name='b "x" é',
            age=-1,
            nick=None,
            at=dt.datetime(2020, 2, 29, 1, 2, 3, 4, tzinfo=dt.timezone.utc),
            since=dt.datetime(2020, 2, 29, 1, 2, 3, 4),
            color=PickedColor.BLUE,
            lst=[],
            dct={"k": [dt.date(2024, 1, 1)]},
            anything={"x": [1, None]},
            second=PickedHome(city="Rome", floor=2),
        ),
        PickedRow(name="c", age=1, nick="", home=PickedHome(city="Oslo")),
    )


async def test_rows_hold_the_values_of_the_fields() -> None:
    """Each value is what the whole instance has, of whatever type."""
    models = {model.name: model for model in await _rows()}
    rows = await PickedRow.afind(only=_SIMPLE, sort_by="age")
    assert [row.age for row in rows] == [-1, 1, 3]
    for row in rows:
        assert dataclasses.asdict(row) == {name: getattr(models[row.name], name) for name in _SIMPLE}
        assert [type(getattr(row, name)) for name in ("age", "name", "flag")] == [int, str, bool]


async def test_rows_are_frozen_dataclasses_with_types() -> None:
    await _rows()
    (row,) = await PickedRow.afind(PickedRow.age == 3, only=("name", PickedRow.age))
    assert repr(row) == "PickedRowRow(name='a', age=3)"
    assert {field.name: field.type for field in dataclasses.fields(row)} == {"name": str, "age": int}
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.age = 4
    (again,) = await PickedRow.afind(PickedRow.age == 3, only=["name", "age"])
    assert row == again
    assert hash(row) == hash(again)
    assert type(row) is type(again)
    (other,) = await PickedRow.afind(PickedRow.age == 3, only=["age", "name"])
    assert type(other) is not type(row)


async def test_one_field_alone_and_the_key() -> None:
    models = await _rows()
    assert {row.age for row in await PickedRow.afind(only="age")} == {3, -1, 1}
    assert {row.age for row in await PickedRow.afind(only=PickedRow.age)} == {3, -1, 1}
    rows = await PickedRow.afind(only=("key", "age"), sort_by="-age", max_results=2)
    assert [(row.key, row.age) for row in rows] == [(models[0].key, 3), (models[2].key, 1)]
    rows = await PickedRow.afind(*models, only="key")
    assert [row.key for row in rows] == [model.key for model in models]
    assert [row.age async for row in PickedRow.aiter_find(only="age", sort_by="age", batch=2)] == [-1, 1, 3]


async def test_fields_of_models_inside() -> None:
    await _rows()
    rows = await PickedRow.afind(only=("home.city", "second.city", "second.floor"), sort_by="age")
    assert [dataclasses.astuple(row) for row in rows] == [
        ("", "Rome", 2),
        ("Oslo", None, None),
        ("", None, None),
    ]
    operand: Any = PickedRow.second
    assert [row.second_city for row in await PickedRow.afind(PickedRow.age < 0, only=operand.city)] == [
        "Rome"
    ]


async def test_only_the_fields_are_read(raw: Any) -> None:
    await _rows()
    await PickedRow.afind(PickedRow.age > -9, only="age")
    await raw.config_resetstat()
    await PickedRow.afind(PickedRow.age > -9, only=("age", "nick"))
    stats = await raw.info("commandstats")
    calls = {
        name: told["calls"]
        for name, told in stats.items()
        if name.lower().startswith(("cmdstat_json", "cmdstat_ft"))
    }
    assert calls == {"cmdstat_FT.SEARCH": 1, "cmdstat_json.mget": 2}


async def test_a_field_that_an_older_document_lacks_has_its_default(raw: Any) -> None:
    models = await _rows()
    await raw.execute_command("JSON.DEL", models[0].key, "$.nick")
    await raw.execute_command("JSON.DEL", models[1].key, "$.lst")
    rows = await PickedRow.afind(*models, only=("nick", "lst"))
    assert [(row.nick, row.lst) for row in rows] == [("nobody", [1]), (None, [1]), ("", [1])]


async def test_a_value_that_does_not_fit_is_told_of(raw: Any, caplog: pytest.LogCaptureFixture) -> None:
    models = await _rows()
    await raw.execute_command("JSON.SET", models[0].key, "$.nick", "5")
    assert len(await PickedRow.afind(only="flag")) == 3  # nobody asked for that field
    with caplog.at_level(logging.WARNING, logger="rapyer"):
        rows = await PickedRow.afind(*models, only="nick")
    assert [row.nick for row in rows] == [None, ""]
    assert "PickedRow.afind left out 1 of its documents: 1 corrupt, 0 gone (PickedRow:a)" in caplog.text
    with pytest.raises(
        CorruptedModelError, match="PickedRow:a: the value stored at PickedRow.nick does not fit"
    ) as raised:
        await PickedRow.afind(only="nick", on_corrupt="raise")
    assert raised.value.key == models[0].key
    await raw.execute_command("JSON.DEL", models[1].key, "$.name")
    with pytest.raises(CorruptedModelError, match="PickedRow:b .*: there is no value of PickedRow.name"):
        await PickedRow.afind(only="name", on_corrupt="raise")


async def test_what_is_safe_to_leave_out_is(raw: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A field that is `SafeLoad` has what a whole instance has, and it is told."""
    models = await _rows()
    await raw.execute_command("JSON.SET", models[0].key, "$.safe", '"no day"')
    await raw.execute_command("JSON.SET", models[0].key, "$.safe_list", '["2024-01-01", "no day"]')
    whole = await PickedRow.aget(models[0].key)
    with caplog.at_level(logging.WARNING, logger="rapyer"):
        rows = await PickedRow.afind(*models, only=("safe", "safe_list"))
    assert [(row.safe, row.safe_list) for row in rows] == [
        (whole.safe, list(whole.safe_list)),
        (None, []),
        (None, []),
    ]
    assert "PickedRow.safe" in caplog.text


@pytest.mark.parametrize(
    ("only", "error", "told"),
    [
        ("agee", UnknownFieldError, "unknown field 'agee' on PickedRow; did you mean"),
        ("home.street", UnknownFieldError, "unknown field 'street'"),
        ("age.x", BadFilterError, "PickedRow.age holds no model, so age.x is no single value"),
        ("others.city", BadFilterError, "PickedRow.others holds several models"),
        ("others", BadFilterError, "PickedRow.others holds models, .*; load the instances"),
        ("home", BadFilterError, 'PickedRow.home holds models, .*; select its fields, such as "home.city"'),
        ("tags", BadFilterError, "PickedRow.tags has a key of its own, .*; load the instances"),
        ("local", BadFilterError, "PickedRow.local is not stored"),
        ((), BadFilterError, r"only=\(\) selects nothing of PickedRow; give different fields"),
        (("age", "age"), BadFilterError, "selects one field twice of PickedRow"),
        (("age", 5), BadFilterError, "5 is no field; give names, or fields such as PickedRow.age"),
    ],
)
async def test_what_cannot_be_selected_is_refused(only: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        await PickedRow.afind(only=only)
    with pytest.raises(error, match=told):
        async for _ in PickedRow.aiter_find(only=only):
            pass


class PickedOther(AtomicRedisModel):
    age: Index[int] = 0


class PickedChild(PickedRow):
    extra: int = 7


async def test_fields_of_another_class_are_refused_and_inherited_ones_are_not() -> None:
    with pytest.raises(BadFilterError, match="PickedOther.age is no field of PickedRow"):
        await PickedRow.afind(only=PickedOther.age)
    await PickedChild(name="x", age=5).asave()
    rows = await PickedChild.afind("x", only=(PickedRow.age, "extra"))
    assert [(row.age, row.extra) for row in rows] == [(5, 7)]
