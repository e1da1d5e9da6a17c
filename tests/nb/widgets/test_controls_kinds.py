"""The controls of single values: what shows, what an edit writes, what is refused, and null."""

from __future__ import annotations

import asyncio
import datetime as dt
import enum
import json
import random
import uuid
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import ipywidgets as W
import pytest
from pydantic import AnyUrl, AwareDatetime, BaseModel, Field, SecretStr

from rapyer import AtomicRedisModel
from rapyer.config import RedisConfig
from rapyer.fields import GeoPoint, Index
from rapyer_nb.widgets.times import duration_of, duration_text
from tests.nb.desk import Desk, until

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource

ZONE = dt.timezone(dt.timedelta(hours=2))


class Level(enum.IntEnum):
    low = 1
    high = 2


class Colour(enum.Enum):
    red = "r"
    green = "g"
    blue = "b"


class CatKind(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class DogKind(BaseModel):
    kind: Literal["dog"] = "dog"
    call: str = "wow"


Percent = Annotated[int, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]


class KindsOfFields(AtomicRedisModel):
    Meta = RedisConfig(prefer_normal_json_dump=True)
    note: Annotated[str, Field(max_length=500)] = "short"
    code: Annotated[str, Field(pattern="^[a-z]+$", min_length=2, examples=["abc"])] = "xy"
    pin: SecretStr = SecretStr("hush-hush")
    maybe_pin: SecretStr | None = None
    percent: Percent = 40
    odd: Annotated[int, Field(gt=0, lt=10, multiple_of=3)] = 3
    year: Annotated[int, Field(ge=0, le=9999)] = 2024
    huge: int = 3
    share: Share = 0.5
    price: Decimal = Decimal("1.10")
    sure: bool | None = None
    level: Level = Level.low
    colour: Colour | None = None
    colours: set[Colour] = {Colour.red}
    letters: list[Literal["a", "b", "c"]] = ["b"]
    span: tuple[Percent, Percent] = (10, 20)
    shares: tuple[Share, Share] = (0.25, 0.5)
    place: Index[GeoPoint] = GeoPoint(2.5, 48.5)
    born: dt.date = dt.date(2024, 5, 17)
    wakes: dt.time = dt.time(7, 30, 1, 234567)
    zoned: dt.time = dt.time(7, 30, tzinfo=ZONE)
    seen: AwareDatetime = dt.datetime(2024, 5, 17, 9, 30, 1, 234567, tzinfo=ZONE)
    lasts: dt.timedelta = dt.timedelta(days=1, hours=2)
    photo: bytes = b"x" * 2048
    ident: uuid.UUID = uuid.UUID(int=5)
    path: Path = Path("/tmp/a")
    site: AnyUrl = AnyUrl("http://a.example/")
    host: IPv4Address = IPv4Address("10.0.0.1")
    shade: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = "#102030"
    pet: CatKind | DogKind = Field(CatKind(), discriminator="kind")
    either: int | str = 3
    matrix: Annotated[list[list[int]], Field(json_schema_extra={"widget": "json"})] = [[1, 2], [3]]
    pair: tuple[str, int] = ("a", 1)
    anything: Any = None


class KindsDesk(Desk):
    """The form of a model with every kind of field, and somebody else's client."""

    client: Redis

    async def until_stored(self, name: str, value: Any) -> None:
        """Wait until the document has a value, which may be given by a predicate."""
        end = asyncio.get_running_loop().time() + 10
        while True:
            found = json.loads(await self.client.execute_command("JSON.GET", self.model.key, f"$.{name}"))[0]
            if value(found) if callable(value) else found == value:
                return
            assert asyncio.get_running_loop().time() < end, f"{name} is {found!r}"
            await asyncio.sleep(0.005)

    async def write(self, name: str, value: Any) -> None:
        await self.client.execute_command("JSON.SET", self.model.key, f"$.{name}", json.dumps(value))

    def control(self, name: str) -> Any:
        found: Any = self.row(name)._control
        return getattr(found, "_inner", found) if hasattr(found, "_box") else found


@pytest.fixture
async def desk(source: ClientSource) -> KindsDesk:
    desk = KindsDesk(await KindsOfFields().asave())
    desk.client = source.client()
    await desk.until_live()
    return desk


KINDS: dict[str, type[W.DOMWidget]] = {
    "note": W.Textarea,
    "code": W.Text,
    "pin": W.Password,
    "percent": W.IntSlider,
    "odd": W.IntSlider,
    "year": W.IntText,
    "huge": W.IntText,
    "share": W.FloatSlider,
    "price": W.Text,
    "sure": W.Dropdown,
    "level": W.Dropdown,
    "colours": W.SelectMultiple,
    "letters": W.SelectMultiple,
    "span": W.IntRangeSlider,
    "shares": W.FloatRangeSlider,
    "place": W.Text,
    "born": W.DatePicker,
    "wakes": W.TimePicker,
    "seen": W.NaiveDatetimePicker,
    "lasts": W.Text,
    "photo": W.FileUpload,
    "ident": W.Text,
    "path": W.Text,
    "site": W.Text,
    "host": W.Text,
    "shade": W.ColorPicker,
    "matrix": W.Textarea,
    "pair": W.Textarea,
}


async def test_each_kind_of_field_has_its_control(desk: KindsDesk) -> None:
    assert {name: type(desk.input(name)) for name in KINDS} == KINDS
    assert (desk.input("odd").min, desk.input("odd").max, desk.input("odd").step) == (3, 9, 3)
    assert desk.input("code").placeholder == "abc"
    assert desk.input("code").tooltip == "at least 2 long, matches ^[a-z]+$"
    for name in KINDS:
        assert desk.shown(name) == getattr(desk.model, name), name


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("note", "a\nb", "a\nb"),
        ("code", "abc", "abc"),
        ("percent", 41, 41),
        ("odd", 9, 9),
        ("year", 1815, 1815),
        ("share", 0.75, 0.75),
        ("price", "2.50", "2.50"),
        ("price", "1.1", "1.1"),
        ("level", 2, 2),
        ("span", (5, 50), [5, 50]),
        ("shares", (0.5, 0.75), [0.5, 0.75]),
        ("place", "3.5, 40", "3.5,40.0"),
        ("born", dt.date(1815, 12, 10), "1815-12-10"),
        ("wakes", dt.time(8, 15), "08:15:00"),
        ("zoned", dt.time(8, 15), "08:15:00+02:00"),
        ("seen", dt.datetime(2025, 1, 2, 3, 4), "2025-01-02T03:04:00+02:00"),
        ("lasts", "3 days, 0:00:01", "P3DT1S"),
        ("lasts", "PT1M", "PT1M"),
        ("ident", str(uuid.UUID(int=7)), str(uuid.UUID(int=7))),
        ("path", "/tmp/b", "/tmp/b"),
        ("site", "https://b.example/x", "https://b.example/x"),
        ("host", "10.0.0.2", "10.0.0.2"),
        ("shade", "#a0b0c0", "#a0b0c0"),
        ("matrix", "[[5]]", [[5]]),
        ("pair", '["b", 2]', ["b", 2]),
    ],
)
async def test_an_edit_is_written(desk: KindsDesk, name: str, value: Any, stored: Any) -> None:
    desk.input(name).value = value
    await desk.until_stored(name, stored)
    await until(lambda: desk.row(name).binding.phase.name == "CLEAN", "it is settled")
    assert desk.note(name) == ""
    assert getattr(desk.model, name) == desk.shown(name)


@pytest.mark.parametrize(
    ("name", "stored", "shown"),
    [
        ("note", "theirs", "theirs"),
        ("percent", 60, 60),
        ("huge", 2**53 + 1, 2**53 + 1),
        ("share", 0.125, 0.125),
        ("price", "3.30", Decimal("3.30")),
        ("sure", True, True),
        ("sure", False, False),
        ("level", 2, Level.high),
        ("colour", "g", Colour.green),
        ("letters", ["c", "a"], ["c", "a"]),
        ("span", [1, 2], (1, 2)),
        ("place", "1.5,2.5", GeoPoint(1.5, 2.5)),
        ("born", "2000-02-29", dt.date(2000, 2, 29)),
        ("wakes", "23:59:59.999999", dt.time(23, 59, 59, 999999)),
        ("lasts", "-PT1H", dt.timedelta(hours=-1)),
        ("ident", str(uuid.UUID(int=9)), uuid.UUID(int=9)),
        ("path", "b", Path("b")),
        ("shade", "#ffffff", "#ffffff"),
        ("pet", {"kind": "dog", "call": "wuff"}, DogKind(call="wuff")),
        ("either", "text", "text"),
        ("matrix", [], []),
    ],
)
async def test_a_change_in_redis_shows(desk: KindsDesk, name: str, stored: Any, shown: Any) -> None:
    await desk.write(name, stored)

    def there() -> bool:
        found = desk.shown(name)
        return bool(
            found.model_dump() == shown.model_dump() if isinstance(shown, BaseModel) else found == shown
        )

    await until(there, "it shows")
    assert desk.row(name).binding.phase.name == "CLEAN"
    assert type(desk.shown(name)) is type(shown) or isinstance(shown, BaseModel)


@pytest.mark.parametrize(
    ("name", "value", "note"),
    [
        ("note", "x" * 501, "String should have at most 500 characters"),
        ("code", "A", "String should have at least 2 characters"),
        ("code", "ABC", "String should match pattern '^[a-z]+$'"),
        ("year", 10_000, "Input should be less than or equal to 9999"),
        ("price", "1,5", "give a number, such as 12.50"),
        ("place", "500,1", "Value error, the longitude 500.0 is not between -180 and 180"),
        ("born", None, "choose a date"),
        ("wakes", None, "choose a time"),
        ("lasts", "soon", "give a duration, such as 2:30:00, 1 day, 2:00:00 or P1DT2H"),
        ("ident", "5", "Input should be a valid UUID, invalid length: found 1"),
        ("site", "x", "Input should be a valid URL, relative URL without a base"),
        ("host", "300.0.0.1", "Input is not a valid IPv4 address"),
        ("matrix", "[[", "Invalid JSON: EOF while parsing a list at line 1 column 2"),
        ("pair", '["a"]', "[1]: Field required"),
    ],
)
async def test_a_mistake_is_explained_and_not_written(
    desk: KindsDesk, name: str, value: Any, note: str
) -> None:
    before = await desk.client.execute_command("JSON.GET", desk.model.key)
    desk.input(name).value = value
    await until(lambda: desk.note(name), "it is explained")
    assert desk.note(name) == note
    assert await desk.client.execute_command("JSON.GET", desk.model.key) == before
    assert desk.input(name).value == value, "what was typed stays"


# --- numbers ------------------------------------------------------------------------------------------------


async def test_a_number_that_a_browser_rounds_is_asked_for_again(desk: KindsDesk) -> None:
    desk.input("huge").value = 2**53
    await until(lambda: isinstance(desk.input("huge"), W.Text), "it is a text field now")
    await until(lambda: desk.note("huge"), "it is explained")
    assert "a browser may have rounded 9007199254740992" in desk.note("huge")
    desk.input("huge").value = str(2**62 + 1)
    await desk.until_stored("huge", 2**62 + 1)
    desk.input("huge").value = "12x"
    await until(lambda: desk.note("huge") == "give a whole number, in digits", "it is explained")


async def test_decimals_keep_every_digit(desk: KindsDesk) -> None:
    digits = "12345678901234567890.123456789012345678901234567890"
    desk.input("price").value = digits
    await desk.until_stored("price", digits)
    assert desk.model.price == Decimal(digits)


# --- choices ------------------------------------------------------------------------------------------------


async def test_three_states(desk: KindsDesk) -> None:
    assert desk.input("sure").options == ("null", "yes", "no")
    for index, value in ((1, True), (2, False), (0, None)):
        desk.input("sure").index = index
        await desk.until_stored("sure", value)


async def test_several_choices_keep_their_order(desk: KindsDesk) -> None:
    desk.input("letters").index = (0, 1, 2)
    await desk.until_stored("letters", ["b", "a", "c"])
    await desk.write("letters", ["c", "b"])
    await until(lambda: desk.input("letters").index == (1, 2), "it shows")
    desk.input("letters").index = (0, 1)
    await desk.until_stored("letters", ["b", "a"])
    await desk.write("letters", ["a", "a"])
    await until(lambda: "stands twice" in desk.note("letters"), "it is told")
    assert not desk.row("letters")._on


async def test_a_set_of_choices(desk: KindsDesk) -> None:
    assert desk.input("colours").options == ("red", "green", "blue")
    desk.input("colours").index = (0, 2)
    await until(lambda: desk.model.colours == {Colour.red, Colour.blue}, "the object has it")
    assert await KindsOfFields.aget(desk.model.key) == desk.model


async def test_a_null_box_around_a_choice(desk: KindsDesk) -> None:
    box = desk.row("colour")._control._box  # type: ignore[attr-defined]
    assert box.value
    box.value = False
    await until(lambda: desk.note("colour") == "choose one", "it is asked for")
    desk.control("colour").input.value = Colour.blue
    await desk.until_stored("colour", "b")
    box.value = True
    await desk.until_stored("colour", None)


# --- secrets ------------------------------------------------------------------------------------------------


async def test_a_secret_is_written_and_never_shown(desk: KindsDesk) -> None:
    states = [widget.get_state() for widget in every(desk.form)]
    assert "hush-hush" not in repr(states)
    assert "hush-hush" not in repr(desk.form)

    desk.input("pin").value = "new-one"
    await until(lambda: desk.model.pin == SecretStr("new-one"), "the object has it")
    stored = await KindsOfFields.aget(desk.model.key)
    assert stored.pin.get_secret_value() == "new-one"
    await until(lambda: desk.input("pin").value == "", "the page forgets it")
    assert desk.row("pin").binding.phase.name == "CLEAN"


async def test_a_conflict_about_a_secret_tells_neither(desk: KindsDesk) -> None:
    other = await KindsOfFields.aget(desk.model.key)
    desk.input("pin").value = "mine"
    await asyncio.sleep(0.01)
    await other.aupdate(pin=SecretStr("theirs"))
    await until(lambda: desk.note("pin"), "the conflict is told")
    assert desk.note("pin") == "is now another secret in Redis; your edit is not saved"
    await desk.write("pin", 5)
    await asyncio.sleep(0.05)
    assert "theirs" not in desk.note("pin")


async def test_a_secret_that_may_be_null(desk: KindsDesk) -> None:
    desk.row("maybe_pin")._control._box.value = False  # type: ignore[attr-defined]
    desk.control("maybe_pin").input.value = "given"
    await until(lambda: desk.model.maybe_pin == SecretStr("given"), "the object has it")
    await until(lambda: desk.control("maybe_pin").input.value == "", "the page forgets it")


def every(widget: Any) -> list[Any]:
    return [widget, *(found for child in getattr(widget, "children", ()) for found in every(child))]


# --- times, bytes -------------------------------------------------------------------------------------------


async def test_microseconds_are_not_lost(desk: KindsDesk) -> None:
    assert desk.input("wakes").value == dt.time(7, 30, 1, 234000)
    assert desk.shown("wakes") == dt.time(7, 30, 1, 234567)
    assert desk.shown("seen") == desk.model.seen
    assert desk.row("seen")._control._zone_text.value == "+02:00"  # type: ignore[attr-defined]


def test_durations_come_back_as_they_were() -> None:
    chosen = random.Random(7)
    longest = int(dt.timedelta.max.total_seconds()) - 1
    for _ in range(300):
        value = dt.timedelta(
            seconds=chosen.choice([1, -1]) * chosen.randrange(longest >> chosen.randrange(40)),
            microseconds=chosen.randrange(10**6),
        )
        assert duration_of(duration_text(value)) == value
        assert duration_of(str(value)) == value
    assert duration_text(dt.timedelta(days=1, hours=2)) == "1 day, 2:00:00"


async def test_a_file_replaces_bytes(desk: KindsDesk) -> None:
    control = desk.control("photo")
    assert "2,048 bytes: &#x27;xxxx" in control._text.value
    control.input.value = (
        {
            "name": "a.bin",
            "type": "",
            "size": 3,
            "content": memoryview(b"\x00\xffA"),
            "last_modified": dt.datetime.now(dt.timezone.utc),
        },
    )
    await until(lambda: desk.model.photo == b"\x00\xffA", "the object has it")
    assert "3 bytes: 00 ff 41" in control._text.value
    assert control.input.value == ()


# --- several types, JSON, long texts -------------------------------------------------------------------------


async def test_the_type_of_a_union_is_chosen(desk: KindsDesk) -> None:
    control = desk.row("either")._control
    assert control.kind.options == ("int", "str")  # type: ignore[attr-defined]
    control.kind.index = 1  # type: ignore[attr-defined]
    await desk.until_stored("either", "3")
    control.inner.input.value = "three"  # type: ignore[attr-defined]
    await desk.until_stored("either", "three")
    control.kind.index = 0  # type: ignore[attr-defined]
    await desk.until_stored("either", 0)


async def test_a_union_of_models_goes_by_its_tag(desk: KindsDesk) -> None:
    control: Any = desk.row("pet")._control
    assert control.kind.options == ("cat", "dog")
    assert list(control.inner._controls) == ["lives"]
    control.inner._controls["lives"].input.value = 7
    await desk.until_stored("pet", {"kind": "cat", "lives": 7})
    control.kind.index = 1
    await desk.until_stored("pet", {"kind": "dog", "call": "wow"})
    await until(lambda: desk.row("pet").binding.phase.name == "CLEAN", "it is settled")
    control.inner._controls["call"].input.value = "wuff"
    await desk.until_stored("pet", {"kind": "dog", "call": "wuff"})
    assert isinstance(desk.model.pet, DogKind)


async def test_a_long_text_is_folded(desk: KindsDesk) -> None:
    long = "line\n" * 600
    await desk.write("code", "x" * 2500)
    control: Any = desk.row("code")._control
    await until(lambda: control._folded is not None, "it is folded")
    assert desk.shown("code") == "x" * 2500
    assert control.input.value == "xy", "the page does not get it"
    button = control.widget.children[1].children[-1]
    assert button.description == "Show all"
    button.click()
    await until(lambda: control.input.value == "x" * 2500, "all of it shows")
    control.input.value = "short"
    await desk.until_stored("code", "short")
    assert isinstance(control.input, W.Textarea)
    assert long


async def test_a_very_long_text_is_only_shown(desk: KindsDesk) -> None:
    await desk.write("code", "y" * 100_001)
    await until(lambda: desk.note("code"), "it is told")
    assert desk.note("code") == "100,001 characters are too many for a form; change them in a cell"
    control: Any = desk.row("code")._control
    assert "100,001 characters" in control.widget.children[1].children[0].value
    assert not desk.row("code")._on
    await desk.write("code", "back")
    await until(lambda: desk.shown("code") == "back" and desk.row("code")._on, "it can be edited")


async def test_line_ends_stay_as_they_are(desk: KindsDesk) -> None:
    await desk.write("note", "a\r\nb")
    await until(lambda: desk.shown("note") == "a\r\nb", "it shows")
    desk.input("note").value = "a\nb\nc"
    await desk.until_stored("note", "a\r\nb\r\nc")


async def test_anything_is_only_shown(desk: KindsDesk) -> None:
    await (await KindsOfFields.aget(desk.model.key)).aupdate(anything=["<b>", *range(100)])
    control: Any = desk.row("anything")._control
    await until(lambda: "rpy-fold" in control._text.value, "it is folded")
    assert "&lt;b&gt;" in control._text.value
    assert "99]" in control._text.value


async def test_closing_the_form_closes_all_that_was_ever_in_it(desk: KindsDesk) -> None:
    await desk.write("code", "x" * 2500)
    await until(lambda: desk.row("code")._control._folded is not None, "folded")  # type: ignore[attr-defined]
    desk.row("either")._control.kind.index = 1  # type: ignore[attr-defined]
    await desk.until_stored("either", "3")
    widgets = every(desk.form)
    desk.form.close()
    assert all(widget.comm is None for widget in widgets)
