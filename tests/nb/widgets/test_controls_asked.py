"""Controls that a class or a caller asks for, fields that cannot be read, and computed fields."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import gc
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import ipywidgets as W
import pytest
from pydantic import BaseModel, Field, computed_field

from rapyer import AtomicRedisModel, Index, SafeLoad
from rapyer.config import RedisConfig
from rapyer_nb.errors import NotebookError
from rapyer_nb.widgets import edit, new
from tests.nb.desk import Desk, until

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource


class AskedShade(enum.Enum):
    light = "light"
    dark = "dark"


class AskedPlace(BaseModel):
    city: str = "Paris"
    rooms: int = 2

    @computed_field(title="In words")  # type: ignore[prop-decorator]
    @property
    def words(self) -> str:
        return f"{self.rooms} rooms in {self.city}"


class AskedModel(AtomicRedisModel):
    Meta = RedisConfig(prefer_normal_json_dump=True)
    about: Annotated[str, Field(json_schema_extra={"widget": "textarea"})] = "x"
    size: Annotated[Literal["s", "m", "l"], Field(json_schema_extra={"widget": "radio"})] = "m"
    shade: AskedShade = AskedShade.light
    age: int = 36
    score: Annotated[float, Field(ge=0, le=10)] = 5.0
    token: str = "t"
    colour: str = "#102030"
    nick: str | None = None
    tags: list[str] = ["a"]
    place: AskedPlace = AskedPlace()

    @computed_field(description="Twice the age")  # type: ignore[prop-decorator]
    @property
    def twice(self) -> int:
        return self.age * 2

    @computed_field  # type: ignore[prop-decorator]
    @property
    def share(self) -> float:
        return 100 / self.age


@pytest.fixture
async def stored(source: ClientSource) -> AskedModel:
    found: Any = await AskedModel().asave()
    return found  # type: ignore[no-any-return]


def opened(model: AskedModel, **widgets: Any) -> Desk:
    desk = Desk(model)
    desk.form.close()
    desk.form = edit(model, widgets={name.replace("__", "."): wish for name, wish in widgets.items()})
    return desk


async def test_a_class_asks_for_controls_by_name(stored: AskedModel) -> None:
    desk = opened(stored)
    assert isinstance(desk.input("about"), W.Textarea)
    assert isinstance(desk.input("size"), W.RadioButtons)


@pytest.mark.parametrize(
    ("field", "wish", "kind"),
    [
        ("shade", "toggle", W.ToggleButtons),
        ("shade", "radio", W.RadioButtons),
        ("size", "dropdown", W.Dropdown),
        ("token", "password", W.Password),
        ("token", "textarea", W.Textarea),
        ("colour", "color", W.ColorPicker),
        ("score", "number", W.FloatText),
        ("tags", "json", W.Textarea),
        ("age", W.BoundedIntText, W.BoundedIntText),
        ("age", W.IntSlider(min=0, max=100), W.IntSlider),
        ("age", lambda **more: W.IntSlider(min=0, max=50, **more), W.IntSlider),
        ("age", lambda: W.IntText(), W.IntText),
        ("place.city", "textarea", W.Textarea),
        ("place.rooms", W.BoundedIntText, W.BoundedIntText),
    ],
)
async def test_a_caller_asks_for_a_control(stored: AskedModel, field: str, wish: Any, kind: Any) -> None:
    desk = opened(stored, **{field.replace(".", "__"): wish})
    await desk.until_live()
    await until(lambda: desk.row(field)._on, "it can be edited")
    assert type(desk.input(field)) is kind


async def test_a_given_widget_is_bound_both_ways(stored: AskedModel) -> None:
    slider = W.IntSlider(min=0, max=100)
    desk = opened(stored, age=slider)
    await desk.until_live()
    await until(lambda: slider.value == 36, "it shows")
    slider.value = 50
    await until(lambda: stored.age == 50, "the object has it")
    await (await AskedModel.aget(stored.key)).aupdate(age=7)
    await until(lambda: slider.value == 7, "it shows")
    await (await AskedModel.aget(stored.key)).aupdate(age=500)
    await until(lambda: desk.note("age") == "this IntSlider cannot show 500", "it is told")
    assert not desk.row("age")._on
    assert (await AskedModel.aget(stored.key)).age == 500, "nothing is written"


async def test_a_wish_for_a_field_that_may_be_null_keeps_the_box(stored: AskedModel) -> None:
    desk = opened(stored, nick="textarea")
    control: Any = desk.row("nick")._control
    assert control._box.value
    assert isinstance(control._inner.input, W.Textarea)


async def test_a_password_by_name_is_not_sent_to_the_page(stored: AskedModel) -> None:
    await stored.aupdate(token="secret-token")
    desk = opened(stored, token="password")
    await desk.until_live()
    assert desk.input("token").value == ""
    assert desk.shown("token") == "secret-token"
    desk.input("token").value = "mine"
    await asyncio.sleep(0.01)
    await (await AskedModel.aget(stored.key)).aupdate(token="theirs")
    await until(lambda: desk.note("token"), "the conflict is told")
    assert desk.note("token") == "is now another secret in Redis; your edit is not saved"


@pytest.mark.parametrize(
    ("widgets", "message"),
    [
        (
            {"agee": "text"},
            r"edit\(\): AskedModel has no field 'agee'; did you mean 'age'\? there are about, age",
        ),
        (
            {"age": "slidr"},
            r"age: no control is called 'slidr'; did you mean 'slider'\? there are checkbox, color",
        ),
        ({"age": "radio"}, "age: the control 'radio' is for Literal, Enum and bool, not for int"),
        ({"age": "slider"}, "age: a slider needs bounds: give the field ge= and le="),
        ({"age": 5}, "age: a int is no widget with a value; give the name of a control, a widget, or"),
        ({"age": W.HBox}, "age: a HBox is no widget with a value"),
        ({"age": lambda x: x}, "age: the widget could not be made: .*missing 1 required positional argument"),
    ],
)
async def test_a_wish_that_cannot_be_met_says_what_there_is(
    stored: AskedModel, widgets: dict[str, Any], message: str
) -> None:
    with pytest.raises(NotebookError, match=message):
        edit(stored, widgets=widgets)


async def test_a_form_that_cannot_be_made_leaves_nothing_to_close(
    stored: AskedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    unraisable: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    with contextlib.suppress(NotebookError):
        edit(stored, widgets={"nothing": "text"})
    gc.collect()
    assert unraisable == []


async def test_a_form_for_a_new_object_takes_wishes_too(source: ClientSource) -> None:
    form = new(AskedModel, widgets={"age": W.BoundedIntText, "place.city": "textarea"})
    rows = {row.plan.name: row.control for row in form._draft.rows()}
    age: Any = rows["age"]
    assert isinstance(age.input, W.BoundedIntText)
    age.input.value = 41
    form._button.click()
    await until(lambda: form.model is not None, "it is created")
    assert (await AskedModel.aget(form.model.key)).age == 41  # type: ignore[union-attr]
    with pytest.raises(NotebookError, match=r"new\(\): AskedModel has no field 'x'"):
        new(AskedModel, widgets={"x": "text"})


# --- computed fields ----------------------------------------------------------------------------------------


async def test_computed_fields_follow_the_others(stored: AskedModel) -> None:
    desk = opened(stored)
    computed = desk.form._computed
    assert computed.shown("twice") == 72
    assert computed.shown("place.words") == "2 rooms in Paris"
    await desk.until_live()

    desk.input("age").value = 40
    await until(lambda: computed.shown("twice") == 80, "it follows an edit")
    await (await AskedModel.aget(stored.key)).aupdate(age=1)
    await until(lambda: computed.shown("twice") == 2, "it follows a change in Redis")
    desk.input("place.city").value = "Rome"
    await until(lambda: computed.shown("place.words") == "2 rooms in Rome", "also inside")
    desk.input("age").value = 0
    await until(lambda: "cannot be computed" in str(texts(desk)), "a failure is shown")
    assert "ZeroDivisionError" in str(texts(desk))


def texts(desk: Desk) -> list[str]:
    return [control._text.value for _, control in desk.form._computed._rows]


# --- what cannot be read ------------------------------------------------------------------------------------


class AskedDrawing(AtomicRedisModel):
    Meta = RedisConfig(prefer_normal_json_dump=True)
    title: str = "Night"
    shade: SafeLoad[AskedShade | None] = None
    vector: Annotated[list[float], Index(dim=16)] = [0.5] * 16
    fixed: Annotated[str, Field(frozen=True)] = "fixed"


async def test_what_cannot_be_read_is_kept_until_the_user_gives_it_up(source: ClientSource) -> None:
    client = source.client()
    key = str((await AskedDrawing().asave()).key)
    await client.execute_command("JSON.SET", key, "$.shade", '"<grey>"')
    model: Any = await AskedDrawing.aget(key)
    assert model.failed_fields == {"shade"}

    desk = Desk(model)
    await desk.until_live()
    await until(lambda: desk.note("shade"), "it is told")
    assert desk.note("shade") == 'what is stored does not fit this field: "<grey>"'
    row = desk.row("shade")
    assert not row._on
    box = row.widget.children[-1]
    assert "&lt;grey&gt;" in box.children[0].value
    assert await client.execute_command("JSON.GET", key, "$.shade") == '["<grey>"]'

    box.children[1].click()
    await until(lambda: row._on, "it can be edited")
    control: Any = row._control
    control._box.value = False
    control._inner.input.value = AskedShade.dark
    await until(lambda: model.shade is AskedShade.dark, "the object has it")
    assert await client.execute_command("JSON.GET", key, "$.shade") == '["dark"]'
    await client.execute_command("JSON.SET", key, "$.shade", '"black"')
    await until(lambda: not row._on, "another value that cannot be read is kept again")


async def test_vectors_and_frozen_fields_are_shown(source: ClientSource) -> None:
    desk = Desk(await AskedDrawing().asave())
    await desk.until_live()
    vector, fixed = desk.row("vector"), desk.row("fixed")
    assert not vector._on
    assert not fixed._on
    assert "16 numbers" in vector._control._text.value  # type: ignore[attr-defined]
    assert "fixed" in fixed._control._text.value  # type: ignore[attr-defined]
