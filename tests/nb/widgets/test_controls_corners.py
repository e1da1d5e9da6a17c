"""Where fields are unusual: nested metadata, unions in new objects, values that a control cannot show."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from decimal import Decimal  # noqa: TC003 - pydantic looks for it
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, NewType

import ipywidgets as W
import pytest
from pydantic import AwareDatetime, BaseModel, Field, PositiveInt, SecretStr, conint, constr

from rapyer import AtomicRedisModel, Key
from rapyer.config import RedisConfig
from rapyer_nb.widgets import new
from rapyer_nb.widgets.bounds import Bounds
from rapyer_nb.widgets.colors import are_colors
from rapyer_nb.widgets.control import Request
from rapyer_nb.widgets.controls import controls
from tests.nb.desk import Desk, until

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource

CornerName = NewType("CornerName", str)


class CornerRights(enum.IntFlag):
    read = 1
    write = 2


@dataclasses.dataclass
class CornerPoint:
    x: int
    y: int = 3


class CornerPair(NamedTuple):
    first: int
    second: str = "b"


class CornerCircle(BaseModel):
    radius: float
    centre: CornerPoint = CornerPoint(1)


class CornerSquare(BaseModel):
    side: int


class CornerModel(AtomicRedisModel):
    """Stored as pickles where that is the layout, which the controls do not see."""

    name: CornerName = CornerName("n")
    handle: Key[str] = "c1"
    limited: Annotated[int, Field(ge=0, le=9)] | None = None
    deep: Annotated[Annotated[int, Field(ge=0)], Field(le=5)] = 2
    strict: conint(strict=True, gt=3) = 5  # type: ignore[valid-type]
    positive: PositiveInt = 5
    short: constr(max_length=300) = "s"  # type: ignore[valid-type]
    point: CornerPoint = CornerPoint(1)
    pair: CornerPair = CornerPair(1)
    shape: CornerCircle | CornerSquare = CornerCircle(radius=1)
    shapes: list[CornerSquare] = []
    mixed: Literal[1, "1", None] = 1
    rights: CornerRights = CornerRights.read
    reasons: frozenset[str] = frozenset({"b", "a"})
    moment: AwareDatetime | None = None
    price: Decimal | None = None
    call: Any = None


@pytest.fixture
async def desk(source: ClientSource) -> Desk:
    desk = Desk(await CornerModel().asave())
    await desk.until_live()
    return desk


def control(desk: Desk, name: str) -> Any:
    return desk.row(name)._control


async def settled(desk: Desk, name: str) -> None:
    await until(lambda: desk.row(name).binding.phase.name == "CLEAN", "it is settled")


async def test_metadata_is_found_wherever_it_stands(desk: Desk) -> None:
    limited = control(desk, "limited")._inner.input
    assert isinstance(limited, W.IntSlider)
    assert (limited.min, limited.max) == (0, 9)
    assert (desk.input("deep").min, desk.input("deep").max) == (0, 5)
    assert desk.input("strict").tooltip == "more than 3"
    assert desk.input("positive").tooltip == "more than 0"
    assert isinstance(desk.input("short"), W.Textarea)
    assert isinstance(desk.input("name"), W.Text)


async def test_a_dataclass_and_a_named_tuple_are_edited_as_json(desk: Desk) -> None:
    assert desk.input("point").value == '{"x":1,"y":3}'
    desk.input("point").value = '{"x": 5, "y": 6}'
    await until(lambda: desk.model.point == CornerPoint(5, 6), "the object has it")
    assert desk.input("pair").value == '[1,"b"]'
    desk.input("pair").value = '[2, "c"]'
    await until(lambda: desk.model.pair == CornerPair(2, "c"), "the object has it")
    desk.input("point").value = '{"x": "no"}'
    await until(lambda: "x" in desk.note("point"), "it is explained")
    assert desk.note("point").startswith("['x']: Input should be a valid integer")
    stored = await CornerModel.aget("CornerModel:c1")
    assert (stored.point, stored.pair) == (CornerPoint(5, 6), CornerPair(2, "c"))


async def test_a_union_of_models_without_a_tag(desk: Desk) -> None:
    union = control(desk, "shape")
    assert union.kind.options == ("CornerCircle", "CornerSquare")
    union.inner._controls["radius"].input.value = 2.5
    await until(lambda: desk.model.shape.radius == 2.5, "the object has it")
    await settled(desk, "shape")
    union.kind.index = 1
    await until(lambda: isinstance(desk.model.shape, CornerSquare), "it is another")
    assert desk.model.shape.side == 0
    await (await CornerModel.aget("CornerModel:c1")).aupdate(shape=CornerCircle(radius=7))
    await until(lambda: union.kind.index == 0, "it shows")
    assert union.inner._controls["radius"].input.value == 7


async def test_choices_with_the_same_name_are_told_apart(desk: Desk) -> None:
    mixed = control(desk, "mixed")
    assert mixed.input.options == ("1", "1", "null")
    for index, value in ((1, "1"), (2, None), (0, 1)):
        mixed.input.index = index
        await until(lambda value=value: desk.model.mixed == value, "the object has it")  # type: ignore[misc]
        await settled(desk, "mixed")
        assert type((await CornerModel.aget("CornerModel:c1")).mixed) is type(value)


async def test_flags_that_are_no_single_choice_are_told(desk: Desk) -> None:
    await (await CornerModel.aget("CornerModel:c1")).aupdate(rights=CornerRights.read | CornerRights.write)
    await until(lambda: desk.note("rights"), "it is told")
    assert "is not among the choices" in desk.note("rights")
    assert not desk.row("rights")._on


async def test_what_json_would_change_is_only_shown(source: ClientSource) -> None:
    class CornerOdd(AtomicRedisModel):
        Meta = RedisConfig(prefer_normal_json_dump=True)
        name: str = "n"
        values: tuple[Any, ...] = ((1, 2), b"x")

    desk = Desk(await CornerOdd().asave())
    await desk.until_live()
    assert "JSON" in desk.note("values")
    assert "(1, 2)" in control(desk, "values")._instead.value
    assert control(desk, "values")._text.widget.layout.display == "none"
    assert not desk.row("values")._on


async def test_a_new_aware_moment_is_in_utc(desk: Desk) -> None:
    control(desk, "moment")._box.value = False
    await until(lambda: desk.note("moment") == "choose a date and a time", "it is asked for")
    control(desk, "moment")._inner.input.value = dt.datetime(2025, 1, 2, 3, 4)
    moment = dt.datetime(2025, 1, 2, 3, 4, tzinfo=dt.timezone.utc)
    await until(lambda: desk.model.moment == moment, "the object has it")


async def test_the_controls_give_their_values_to_a_new_object(source: ClientSource) -> None:
    class CornerNew(AtomicRedisModel):
        handle: Key[str]
        pin: SecretStr
        kind: Literal["a", "b"]
        price: Decimal
        shape: CornerCircle | CornerSquare
        raw: bytes
        huge: int = 2**60 + 1
        lasts: dt.timedelta = dt.timedelta(hours=1)

    form = new(CornerNew)
    rows: dict[str, Any] = {row.plan.name: row for row in form._draft.rows()}
    form._button.click()
    await until(lambda: "not created" in form._foot.value, "it is refused")
    for name in ("pin", "kind", "price", "shape", "raw"):
        assert "Field required" in rows[name]._note.value, name

    rows["handle"].control.input.value = "n1"
    rows["pin"].control.input.value = "hush"
    rows["kind"].control.input.value = "b"
    rows["price"].control.input.value = "1.50"
    rows["shape"].control.kind.index = 1
    await until(lambda: rows["shape"].control.inner is not None, "the type is chosen")
    rows["shape"].control.inner._controls["side"].input.value = 4
    rows["raw"].control._take(b"\x00\x01")
    form._button.click()
    await until(lambda: form.model is not None, "it is created")
    stored = await CornerNew.aget("CornerNew:n1")
    assert (stored.pin.get_secret_value(), stored.kind, str(stored.price)) == ("hush", "b", "1.50")
    assert (stored.shape.side, stored.raw, stored.huge) == (4, b"\x00\x01", 2**60 + 1)  # type: ignore[union-attr]


def test_bounds_in_words() -> None:
    found = Bounds().with_metadata([Field(ge=1, le=9, multiple_of=2), Field(min_length=2, pattern="^a")])
    assert found.hint == "at least 2 long, from 1, up to 9, a multiple of 2, matches ^a"
    assert Bounds(gt=0.5, lt=3).whole_numbers() == (1, 2)
    assert Bounds().whole_numbers() == (None, None)


def test_patterns_of_colours() -> None:
    assert are_colors(r"^#[0-9a-f]{6}$")
    assert are_colors(r"^#(?:[0-9a-fA-F]{3}){1,2}$")
    assert not are_colors("^#")
    assert not are_colors("[")
    assert not are_colors(None)


def test_an_annotation_that_pydantic_does_not_know_is_only_shown() -> None:
    class Odd:
        pass

    built: Any = controls.build(Request("odd", Odd))
    built.set(Odd())
    assert "Odd object" in built._text.value


# --- sliders ------------------------------------------------------------------------------------------------

CornerShare = Annotated[float, Field(ge=0, le=300)]


class CornerSlide(AtomicRedisModel):
    height: CornerShare = 20.0
    between: CornerShare = 20.123
    span: tuple[CornerShare, CornerShare] = (1.25, 40.0)


async def test_what_a_page_puts_onto_a_step_is_no_change(source: ClientSource) -> None:
    slide = await CornerSlide().asave()
    desk = Desk(slide)
    await desk.until_live()

    desk.input("height").value = 19.999999999999996  # as a page tells what it was given, by itself
    desk.input("between").value = 20.0
    desk.input("span").value = (0.9999999999999998, 39.99999999999999)
    assert (desk.shown("height"), desk.shown("between"), desk.shown("span")) == (20.0, 20.123, (1.25, 40.0))

    desk.input("height").value = 24.999999999999996  # somebody moves it, one step at least
    desk.input("between").value = 21.0
    desk.input("span").value = (0.9999999999999998, 42.00000000000001)
    moved = {"height": 25.0, "between": 21.0, "span": (1.25, 42.0)}
    await until(lambda: {name: getattr(slide, name) for name in moved} == moved, "it is saved")
    assert await CornerSlide.aget(slide.key) == slide

    await (await CornerSlide.aget(slide.key)).aupdate(height=25.25)
    await until(lambda: desk.shown("height") == 25.25, "what others write is shown")
    assert desk.input("height").value == 25.25
