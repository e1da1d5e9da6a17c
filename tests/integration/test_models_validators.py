"""What validators of users see when a model is loaded: values, however they are stored."""

from __future__ import annotations

import base64
import datetime as dt
import pickle
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import (
    BaseModel,
    BeforeValidator,
    PlainValidator,
    ValidationError,
    WrapValidator,
    field_validator,
    model_validator,
)

from rapyer import AtomicRedisModel
from rapyer.config import RedisConfig
from rapyer.errors import CantSerializeRedisValueError, CorruptedModelError

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

DAY, NOON = dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 12, 0)
seen: list[tuple[str, Any]] = []


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    seen.clear()


class SeenValidatorBase(AtomicRedisModel):
    Meta = RedisConfig(init_with_rapyer=False)
    day: dt.date = DAY
    noon: dt.datetime = NOON
    price: Decimal = Decimal("1.50")
    anything: Any = None
    spans: list[tuple[int, int]] = []
    blob: bytes = b"ab"
    count: int = 3

    @classmethod
    def saw(cls, value: Any, info: Any) -> None:
        seen.append((info.field_name, value))


class SeenBefore(SeenValidatorBase):
    @field_validator("*", mode="before")
    @classmethod
    def look(cls, value: Any, info: Any) -> Any:
        cls.saw(value, info)
        return value


class SeenAfter(SeenValidatorBase):
    @field_validator("*")
    @classmethod
    def look(cls, value: Any, info: Any) -> Any:
        cls.saw(value, info)
        return value


class SeenWrap(SeenValidatorBase):
    @field_validator("*", mode="wrap")
    @classmethod
    def look(cls, value: Any, handler: Any, info: Any) -> Any:
        cls.saw(value, info)
        return handler(value)


class SeenPlain(SeenValidatorBase):
    @field_validator("*", mode="plain")
    @classmethod
    def look(cls, value: Any, info: Any) -> Any:
        cls.saw(value, info)
        return value


class SeenByModel(SeenValidatorBase):
    @model_validator(mode="before")
    @classmethod
    def look(cls, values: Any) -> Any:
        if isinstance(values, dict):
            seen.extend(values.items())
        return values


VALUES: dict[str, Any] = {
    "day": DAY,
    "noon": NOON,
    "price": Decimal("1.50"),
    "anything": {"when": DAY, "all": {1, 2}},
    "spans": [(1, 2), (3, 4)],
    "blob": b"\x00\xff",
    "count": 7,
}


@pytest.mark.parametrize("as_json", [False, True], ids=["pickled", "json"])
@pytest.mark.parametrize("model", [SeenBefore, SeenAfter, SeenWrap, SeenPlain, SeenByModel])
async def test_validators_see_values(model: type[SeenValidatorBase], as_json: bool) -> None:
    model.Meta.prefer_normal_json_dump = as_json
    stored = await model(**VALUES).asave()
    document = stored.redis_dump()
    assert (document["day"] == "2024-02-29") is as_json  # else a pickle
    assert (document["price"] == "1.50") is as_json
    seen.clear()
    loaded = await model.aget(stored.key)
    assert dict(seen) == VALUES
    assert loaded == stored
    assert loaded.day == DAY and loaded.spans == VALUES["spans"] and loaded.blob == b"\x00\xff"


@pytest.mark.parametrize("model", [SeenBefore, SeenWrap, SeenPlain, SeenByModel])
async def test_such_models_are_used_like_others(model: type[SeenValidatorBase]) -> None:
    one = await model(day=DAY).asave()
    one.day = dt.date(2025, 1, 1)
    async with one.apipeline():
        one.day = dt.date(2026, 1, 1)
        one.spans.append((5, 6))
    assert (await one.aload()).spans == [(5, 6)]
    assert (await model.afind(one.key))[0].day == dt.date(2026, 1, 1)
    assert model.model_validate_json(one.model_dump_json()).count == 3


async def test_json_that_is_not_stored_is_seen_as_in_pydantic() -> None:
    SeenBefore.model_validate_json('{"day": "2024-02-29"}')
    assert ("day", "2024-02-29") in seen


class SeenTags(AtomicRedisModel):
    tags: set[str] = set()
    sizes: list[int] = []

    @field_validator("tags", "sizes", mode="before")
    @classmethod
    def split(cls, value: Any) -> Any:
        return value.split(",") if isinstance(value, str) else value


async def test_a_validator_that_takes_text_does_not_take_the_stored_form_for_it(raw: Redis) -> None:
    stored = await SeenTags(tags="red,blue").asave()
    assert (await SeenTags.aget(stored.key)).tags == {"red", "blue"}
    # Of a class as it was before: what does not fit as stored is what the validator is there for.
    await raw.execute_command("JSON.SET", stored.key, "$.sizes", '"1,2"')
    assert (await SeenTags.aget(stored.key)).sizes == [1, 2]


class SeenOrder(AtomicRedisModel):
    first: dt.date = DAY
    last: dt.date = DAY

    @field_validator("last", mode="wrap")
    @classmethod
    def ordered(cls, value: Any, handler: Any, info: Any) -> dt.date:
        last: dt.date = handler(value)
        if last < info.data["first"]:
            raise ValueError("ends before it begins")
        return last


async def test_a_validator_sees_the_fields_before_it_and_refuses_with_its_field(raw: Redis) -> None:
    stored = await SeenOrder(first=DAY, last=DAY).asave()
    late = await SeenOrder(first=dt.date(2030, 1, 1), last=dt.date(2030, 1, 2)).asave()
    assert (await SeenOrder.aget(late.key)).last == dt.date(2030, 1, 2)
    text = late.redis_dump()["first"]
    await raw.execute_command("JSON.SET", stored.key, "$.first", f'"{text}"')
    with pytest.raises(CorruptedModelError, match=r"last\n.*ends before it begins"):
        await SeenOrder.aget(stored.key)
    with pytest.raises(ValidationError, match="ends before it begins"):
        late.last = DAY


def _own_form(value: Any) -> Any:
    return dt.datetime.strptime(value, "%d.%m.%Y") if isinstance(value, str) else value


class SeenAnnotated(AtomicRedisModel):
    before: Annotated[dt.datetime, BeforeValidator(_own_form)] = NOON
    wrap: Annotated[dt.datetime, WrapValidator(lambda value, handler: handler(_own_form(value)))] = NOON
    plain: Annotated[dt.datetime, PlainValidator(_own_form)] = NOON
    day: Annotated[dt.date, PlainValidator(lambda value: value + dt.timedelta())] = DAY
    spans: Annotated[list[tuple[int, int]], PlainValidator(list)] = []


@pytest.mark.parametrize("as_json", [False, True], ids=["pickled", "json"])
async def test_validators_in_annotations_see_values_too(as_json: bool) -> None:
    SeenAnnotated.Meta.prefer_normal_json_dump = as_json
    stored = await SeenAnnotated(before="29.2.2024", wrap="1.3.2024", plain="2.3.2024").asave()
    loaded = await SeenAnnotated.aget(stored.key)
    assert loaded == stored
    assert (loaded.plain, loaded.day) == (dt.datetime(2024, 3, 2), DAY)
    await loaded.aupdate(spans=[(1, 2)], wrap=NOON)
    async with loaded.apipeline():
        loaded.spans.append((3, 4))
        loaded.plain = NOON
    again = await SeenAnnotated.aget(stored.key)
    assert (again.spans, again.wrap, again.plain) == ([(1, 2), (3, 4)], NOON, NOON)


class SeenPart(BaseModel):
    day: dt.date = DAY
    kinds: frozenset[str] = frozenset()

    @field_validator("day", "kinds", mode="before")
    @classmethod
    def look(cls, value: Any, info: Any) -> Any:
        seen.append((info.field_name, value))
        return value


class SeenWhole(AtomicRedisModel):
    part: SeenPart = SeenPart()
    parts: list[SeenPart] = []

    @field_validator("parts", mode="before")
    @classmethod
    def look(cls, value: Any) -> Any:
        seen.append(("parts", [type(part).__name__ for part in value]))
        return value


async def test_nested_models_are_seen_as_models_and_see_values() -> None:
    part = SeenPart(day=NOON.date(), kinds=frozenset({"a"}))
    stored = await SeenWhole(part=part, parts=[part]).asave()
    seen.clear()
    loaded = await SeenWhole.aget(stored.key)
    assert loaded == stored
    assert ("parts", ["RedisSeenPart"]) in seen
    assert {value for name, value in seen if name == "day"} == {DAY}
    assert {value for name, value in seen if name == "kinds"} == {frozenset({"a"})}
    await loaded.part.aload()
    assert loaded.part.kinds == frozenset({"a"})


class SeenRefused:
    pass


async def test_what_cannot_be_decoded_is_named_and_not_shown(raw: Redis) -> None:
    stored = await SeenBefore().asave()
    refused = base64.b64encode(pickle.dumps([SeenRefused()], 4)).decode()
    await raw.execute_command("JSON.SET", stored.key, "$.anything", f'"{refused}"')
    seen.clear()
    with pytest.raises(CantSerializeRedisValueError, match=r"SeenBefore\.anything.*SeenRefused") as caught:
        await SeenBefore.aget(stored.key)
    assert (caught.value.field, caught.value.key, seen) == ("anything", stored.key, [])


class SeenStripped(AtomicRedisModel):
    name: str = ""
    day: dt.date = DAY

    @field_validator("name", mode="before")
    @classmethod
    def strip(cls, value: Any) -> Any:
        return value.strip()


def test_where_no_validator_could_see_a_stored_form_nothing_is_added() -> None:
    assert SeenStripped.__pydantic_core_schema__["type"] == "model"
    assert SeenAfter.__pydantic_core_schema__["type"] == "model"
    assert SeenBefore.__pydantic_core_schema__["type"] == "function-wrap"
