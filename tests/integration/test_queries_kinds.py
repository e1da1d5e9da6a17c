"""Every kind of index: the form in the document, the way back, what the server is told, and what it finds."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import pickle
from decimal import Decimal
from enum import Enum
from random import Random
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import Field, ValidationError, create_model
from redis.exceptions import ResponseError

from rapyer import AtomicRedisModel, Index
from rapyer.codec.numbers import as_stored
from rapyer.errors import (
    BadFilterError,
    CantSerializeRedisValueError,
    PartialSearchError,
    UnsupportedIndexedFieldError,
)
from rapyer.fields import GeoPoint, IndexAnnotation
from rapyer.search import migrate
from rapyer.search.evaluate import holds, kilometres
from rapyer.search.index import ensure_index, target_on
from rapyer.search.places import declared, options_for
from rapyer.types import RedisPriorityQueue
from tests.integration.queried import Color, Level, QueriedHome, QueriedItem, QueriedRow

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource

Vector = Annotated[list[float], Index(dim=3, metric="L2")]


class KindsVector(AtomicRedisModel):
    flat: Vector = [0.0, 0.0, 0.0]
    graph: Annotated[list[float] | None, Index(dim=2, algorithm="HNSW", metric="COSINE", type="FLOAT64")] = (
        None
    )
    group: Index[int] = 0


class KindsFrench(AtomicRedisModel):
    title: Annotated[str, Index(text=True, language="french", weight=2.5)] = ""
    note: Annotated[str, Index(text=True)] = ""


class KindsSounds(AtomicRedisModel):
    name: Annotated[str, Index(text=True, phonetic="dm:en")] = ""
    other: Index[str] = ""


class KindsForms(AtomicRedisModel):
    bare: Annotated[str, Index] = "a"
    called: Index(int) = 1  # type: ignore[valid-type]  # a call, as it may be written
    bracketed: Index[float] = 1.0
    given: Annotated[bool, Index()] = True


class KindsLimited(AtomicRedisModel):
    code: Annotated[str, Index(), Field(min_length=3)] = "abc"


VALUES: dict[str, tuple[Any, Any]] = {
    "number": (5, 5),
    "big": (2**53 + 1, 2**53 + 1),
    "real": (0.1, 0.1),
    "money": (Decimal("1.10"), 1.1),
    "flag": (True, True),
    "day": (dt.date(1970, 1, 11), 10),
    "clock": (dt.time(0, 0, 1, 5), 1_000_005),
    "span": (dt.timedelta(seconds=-1), -1_000_000),
    "text": ("a\nb", "a\nb"),
    "color": (Color.DARK, "dark red, {almost} black"),
    "level": (Level.HIGH, 2),
    "size": ("m", "m"),
    "uid": (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "days": ([dt.date(1970, 1, 1)], [0]),
    "prices": ({"s": 2.5}, {"s": 2.5}),
    "words": (frozenset({"b", "a"}), ["a", "b"]),
    "colors": (frozenset({Color.RED}), ["red"]),
    "sizes": (frozenset({"m"}), ["m"]),
    "uids": (frozenset({UUID(int=1)}), ["00000000-0000-0000-0000-000000000001"]),
    "levels": (frozenset({Level.HIGH}), [2]),
    "sums": (frozenset({Decimal("1.5")}), [1.5]),
    "moments": (frozenset({dt.date(1970, 1, 2)}), [1]),
    "maybe": ([None, "a"], [None, "a"]),
    "place": (GeoPoint(2.35, 48.85), "2.35,48.85"),
}


async def test_each_kind_has_one_form_in_the_document_and_comes_back_as_it_was(
    source: ClientSource, raw: Redis
) -> None:
    row = await QueriedRow(**{name: value for name, (value, _) in VALUES.items()}).asave()
    document: Any = await raw.json().get(row.key)
    assert {name: document[name] for name in VALUES} == {name: form for name, (_, form) in VALUES.items()}
    loaded = await QueriedRow.aget(row.key)
    for name, (value, _) in VALUES.items():
        assert getattr(loaded, name) == value, name
        assert isinstance(getattr(loaded, name), type(value)), name


async def test_single_fields_are_written_in_the_same_form(source: ClientSource, raw: Redis) -> None:
    await ensure_index(QueriedRow, source)
    row = await QueriedRow().asave()
    await row.aupdate(day=dt.date(1970, 1, 2), color=Color.RED, money=Decimal("2.50"))
    async with row.apipeline():
        row.span = dt.timedelta(microseconds=7)
        row.place = GeoPoint(1, 2)
    document: Any = await raw.json().get(row.key)
    assert (document["day"], document["color"], document["money"]) == (1, "red", 2.5)
    assert (document["span"], document["place"]) == (7, "1.0,2.0")
    loaded = await QueriedRow.aget(row.key)
    assert (loaded.day, loaded.color, loaded.money) == (dt.date(1970, 1, 2), Color.RED, Decimal("2.5"))
    assert [found.key for found in await QueriedRow.afind(QueriedRow.day == dt.date(1970, 1, 2))] == [row.key]


async def test_the_forms_of_fields_without_an_index_are_read(source: ClientSource, raw: Redis) -> None:
    class KindsPlain(AtomicRedisModel):
        day: dt.date | None = dt.date(2024, 2, 29)
        color: Color | None = Color.DARK
        size: Literal["s", "m"] | None = "s"
        money: Decimal | None = Decimal("0.5")

    for plainly in (False, True):
        KindsPlain.Meta.prefer_normal_json_dump = plainly
        plain = await KindsPlain().asave()
        document: Any = await raw.json().get(plain.key)
        await raw.json().set("QueriedRow:old", "$", document)
        loaded = await QueriedRow.aget("QueriedRow:old")
        assert (loaded.day, loaded.color, loaded.size, loaded.money) == (
            plain.day,
            plain.color,
            "s",
            Decimal("0.5"),
        )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"money": Decimal("0.12345678901234567890")}, "has more digits than an indexed number keeps"),
        ({"money": Decimal("1e999")}, "has more digits"),
        ({"money": Decimal("0.9831877173096739")}, "is one of the numbers that the server's JSON rounds"),
        ({"money": Decimal("1e-30")}, "is one of the numbers that the server's JSON rounds"),
        ({"clock": dt.time(1, tzinfo=dt.timezone.utc)}, "has a time zone, which an indexed time cannot keep"),
        ({"span": dt.timedelta.max}, "is longer than 64 bits of microseconds"),
    ],
)
async def test_what_the_index_could_not_keep_is_not_stored(
    values: dict[str, Any], said: str, source: ClientSource, raw: Redis
) -> None:
    with pytest.raises(CantSerializeRedisValueError, match=f"QueriedRow.{next(iter(values))} holds.*{said}"):
        await QueriedRow(**values).asave()
    assert await raw.keys("*") == []


class KindsEndings(AtomicRedisModel):
    name: Annotated[str, Index(suffix=True)] = ""
    nick: Annotated[str | None, Index(suffix=True)] = None
    tags: Annotated[list[str], Index(suffix=True)] = []


async def test_empty_texts_do_the_server_no_harm_when_it_tidies_up(source: ClientSource, raw: Redis) -> None:
    # RediSearch 2.10 ends the server when it drops an empty text from an index with endings.
    await ensure_index(KindsEndings, source)
    rows = [KindsEndings(name="", nick="", tags=["", "xyz"]) for _ in range(120)]
    await KindsEndings.ainsert(*rows, KindsEndings(name="abc", nick="abc", tags=["abc", ""]))
    for field in (KindsEndings.name, KindsEndings.nick, KindsEndings.tags):
        asked: Any = field
        assert await KindsEndings.acount(asked == "") == (121 if field is KindsEndings.tags else 120)
        assert await KindsEndings.acount(asked.suffix("bc")) == 1
    await KindsEndings.adelete_many(*(row.key for row in rows))
    index = (await raw.execute_command("FT._LIST"))[0]  # type: ignore[no-untyped-call]
    for name in ("FT.DEBUG", "_FT.DEBUG"):
        try:
            await raw.execute_command(name, "GC_FORCEINVOKE", index, 5000)  # type: ignore[no-untyped-call]
            break
        except ResponseError as error:
            assert "unknown command" in str(error).lower()
    assert await raw.ping()
    assert await KindsEndings.acount(KindsEndings.name.suffix("bc")) == 1  # type: ignore[attr-defined]


class KindsPlaces(AtomicRedisModel):
    several: Index[list[GeoPoint]] = []
    some: Index[frozenset[GeoPoint]] = frozenset()


async def test_one_of_several_places_is_enough(source: ClientSource) -> None:
    await ensure_index(KindsPlaces, source)
    paris, berlin = GeoPoint(2.35, 48.85), GeoPoint(13.4, 52.52)
    both = await KindsPlaces(several=[paris, berlin], some=frozenset({paris, berlin})).asave()
    one = await KindsPlaces(several=[paris], some=frozenset({paris})).asave()
    await KindsPlaces().asave()
    for field in (KindsPlaces.several, KindsPlaces.some):
        asked: Any = field
        assert [row.key for row in await KindsPlaces.afind(asked.near(13.4, 52.5, km=5))] == [both.key]
        near_paris = await KindsPlaces.afind(asked.near(2.35, 48.85, km=5))
        assert {row.key for row in near_paris} == {both.key, one.key}
        assert await KindsPlaces.acount(asked.is_none()) == 1
    assert await KindsPlaces.aget(both.key) == both


class KindsMaybe(AtomicRedisModel):
    texts: Index[list[str | None]] = []
    numbers: Index[list[int | None]] = []
    reals: Index[dict[str, float | None]] = {}
    times: Index[list[dt.datetime | None]] = []
    days: Index[list[dt.date | None]] = []
    words: Index[frozenset[str | None]] = frozenset()
    sums: Index[frozenset[Decimal | None]] = frozenset()


async def test_elements_that_may_be_none_are_found(source: ClientSource, raw: Redis) -> None:
    moment = dt.datetime(2024, 1, 2, 3, 4, 5, 6)
    row = KindsMaybe(
        texts=[None, "a", "", "gASV no pickle"],
        numbers=[1, None],
        reals={"x": None, "y": 1.5},
        times=[None, moment],
        days=[None, moment.date()],
        words=frozenset({None, "w"}),
        sums=frozenset({None, Decimal("1.5")}),
    )
    await ensure_index(KindsMaybe, source)
    await row.asave()
    await KindsMaybe(texts=[None], numbers=[None], times=[None], words=frozenset({None})).asave()
    fields: Any = KindsMaybe
    for filter_ in (
        fields.texts == "a",
        fields.texts == "",
        fields.texts.contains("gASV no pickle"),
        fields.numbers == 1,
        fields.reals > 1,
        fields.times == moment,
        fields.days < dt.date(2025, 1, 1),
        fields.words.contains("w"),
        fields.sums >= Decimal(1),
    ):
        assert [one.key for one in await KindsMaybe.afind(filter_)] == [row.key], filter_
        assert await KindsMaybe.acount(~filter_) == 1
    assert await KindsMaybe.acount(fields.texts.is_none()) == 1
    assert await KindsMaybe.aget(row.key) == row
    stored = json.loads(await raw.execute_command("JSON.GET", row.key, "."))  # type: ignore[no-untyped-call]
    assert stored["texts"] == row.texts
    assert stored["words"] == ["w", None]


async def test_text_that_is_a_pickle_is_never_taken_for_one_unnoticed(
    source: ClientSource, raw: Redis
) -> None:
    pickled = base64.b64encode(pickle.dumps("other", 4)).decode()
    with pytest.raises(CantSerializeRedisValueError, match="would be read as the pickle that it is"):
        await KindsMaybe(texts=[pickled]).asave()
    row = await KindsMaybe(words=frozenset({pickled})).asave()
    assert (await KindsMaybe.aget(row.key)).words == {pickled}
    # As a field without an index writes it.
    await raw.execute_command("JSON.SET", row.key, "$.texts", json.dumps([pickled, None]))  # type: ignore[no-untyped-call]
    assert (await KindsMaybe.aget(row.key)).texts == ["other", None]


def test_text_with_nul_is_refused_where_it_is_indexed() -> None:
    with pytest.raises(ValidationError, match="text without a NUL character, which ends text in an index"):
        QueriedRow(text="a\x00b")
    with pytest.raises(ValidationError, match="text without a NUL"):
        QueriedRow(tags=["ok", "\x00"])
    with pytest.raises(ValidationError, match="String should have at least 3 characters"):
        KindsLimited(code="ab")
    assert QueriedRow.model_validate_json('{"text": "a\\u0000b"}').text == "a\x00b"


@pytest.mark.parametrize("model", [QueriedRow, KindsVector, KindsFrench, KindsSounds, KindsForms])
async def test_the_server_describes_an_index_as_it_was_declared(
    model: type[AtomicRedisModel], source: ClientSource
) -> None:
    assert await ensure_index(model, source)
    (target,) = await source.router.on_each(_target(model), searching=True)
    seen = await migrate.look(source, target.name)
    assert seen is not None
    assert target.fits(seen)


def _target(model: type[AtomicRedisModel]) -> Any:
    async def target(server: ClientSource) -> Any:
        return target_on(server, model)

    return target


async def test_no_value_and_no_lack_of_one_keeps_a_document_out(source: ClientSource, raw: Redis) -> None:
    await ensure_index(QueriedRow, source)
    rows = [
        QueriedRow(),
        QueriedRow(
            **{name: value for name, (value, _) in VALUES.items()}, home=QueriedHome(), items=[QueriedItem()]
        ),
        QueriedRow(home=QueriedHome(zip="1", floor=3), named={"a": QueriedItem(name="x")}),
    ]
    await QueriedRow.ainsert(*rows)
    await raw.json().set("QueriedRow:bare", "$", {})
    everything = {*(row.key for row in rows), "QueriedRow:bare"}
    assert {row.key for row in await QueriedRow.afind(QueriedRow.number != 77)} == everything
    info: Any = await migrate.look(source, "idx:QueriedRow")
    assert info.state.failures == 0


async def test_a_bool_that_is_a_pickle_is_found(source: ClientSource, raw: Redis) -> None:
    await ensure_index(KindsForms, source)
    await raw.json().set("KindsForms:old", "$", {"given": "gASILg=="})
    await KindsForms(given=False).asave()
    (found,) = await KindsForms.afind(KindsForms.given == True)  # noqa: E712 - builds a filter
    assert (found.key, found.given) == ("KindsForms:old", True)


async def test_the_nearest_vectors_come_first(source: ClientSource) -> None:
    await ensure_index(KindsVector, source)
    rows = [KindsVector(flat=[n, n * n, 1.0], graph=[1.0, n], group=n % 3) for n in range(40)]
    await KindsVector.ainsert(*rows)
    asked = [6.4, 30.0, 0.5]
    ranked = sorted(rows, key=lambda row: math.dist(row.flat, asked))
    found = await KindsVector.afind(KindsVector.flat.nearest(asked, k=7))  # type: ignore[attr-defined]
    assert [row.key for row in found] == [row.key for row in ranked[:7]]
    few = await KindsVector.afind(KindsVector.flat.nearest(asked, k=7), max_results=2)  # type: ignore[attr-defined]
    assert [row.key for row in few] == [row.key for row in ranked[:2]]
    among = [row for row in ranked if row.group == 1]
    filtered = await KindsVector.afind((KindsVector.group == 1) & KindsVector.flat.nearest(asked, k=5))  # type: ignore[attr-defined]
    assert [row.key for row in filtered] == [row.key for row in among[:5]]
    (top,) = await KindsVector.afind(KindsVector.graph.nearest([1.0, 3.0], k=1))  # type: ignore[union-attr]
    assert top.graph == [1.0, 3.0]
    assert await KindsVector.afind(KindsVector.graph.is_none()) == []  # type: ignore[union-attr]
    lacking = await KindsVector().asave()
    assert [row.key for row in await KindsVector.afind(KindsVector.graph == None)] == [lacking.key]  # noqa: E711 - builds a filter


async def test_the_nearest_are_those_of_the_class_alone(source: ClientSource) -> None:
    class KindsFar(KindsVector):
        @classmethod
        def class_key_initials(cls) -> str:
            return "KindsVector:far"

    await ensure_index(KindsVector, source)
    own = [KindsVector(flat=[n, 0.0, 0.0]) for n in range(20, 25)]
    await KindsVector.ainsert(*own)
    await KindsFar.ainsert(*(KindsFar(flat=[n, 0.0, 0.0]) for n in range(9)))
    flat: Any = KindsVector.flat
    found = await KindsVector.afind(flat.nearest([0.0, 0.0, 0.0], k=2))
    assert [row.key for row in found] == [own[0].key, own[1].key]
    assert len(await KindsVector.afind(flat.nearest([0.0, 0.0, 0.0], k=50))) == 5


async def test_places_within_a_distance(source: ClientSource) -> None:
    await ensure_index(QueriedRow, source)
    paris, berlin = GeoPoint(2.3522, 48.8566), GeoPoint(13.405, 52.52)
    rows = [QueriedRow(place=paris), QueriedRow(place=berlin), QueriedRow()]
    await QueriedRow.ainsert(*rows)
    away = kilometres(paris, berlin)
    assert 870 < away < 885
    near: Any = QueriedRow.place
    for km, expected in ((1.0, 1), (away - 0.1, 1), (away + 0.1, 2)):
        assert len(await QueriedRow.afind(near.near(paris.longitude, paris.latitude, km))) == expected


async def test_places_around_the_poles_and_the_antimeridian_are_found(source: ClientSource) -> None:
    await ensure_index(QueriedRow, source)
    degrees = [
        (lon, lat) for lon in (-180, -179.9, -60, 0, 115, 179.9, 180) for lat in (-85, -77, 0, 66, 84.9)
    ]
    rows = [QueriedRow(place=GeoPoint(lon, lat)) for lon, lat in degrees]
    await QueriedRow.ainsert(*rows)
    place: Any = QueriedRow.place
    asked = [
        (180, -85, 1),
        (180, 0, 30),
        (-180, 84.9, 500),
        (10.5, -60, 5000),
        (125.6, -70.6, 1930),
        (57.8, -79.6, 1740),
    ]
    for lon, lat, km in [*asked, (-165.1, 65.8, 3220), (0, 0, 1e9)]:
        near = place.near(lon, lat, km)
        for expression in (near, ~near):
            expected = {row.key for row in rows if holds(expression, row)}
            assert set(await QueriedRow.afind_keys(expression)) == expected


@pytest.mark.parametrize("value", ["1,2", (1, 2), [1.0, 2.0], GeoPoint(1, 2)])
def test_a_place_is_taken_in_several_forms(value: Any) -> None:
    assert QueriedRow(place=value).place == GeoPoint(1.0, 2.0)


@pytest.mark.parametrize("value", ["1", (1,), (181, 0), (0, 86), ("x", 1), 5, {"lon": 1}])
def test_what_is_no_place_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="a place is|between|numbers"):
        QueriedRow(place=value)


async def test_words_of_a_language_count_as_one(source: ClientSource) -> None:
    await ensure_index(KindsFrench, source)
    rows = [
        KindsFrench(title="les chevaux mangent", note="chevaux"),
        KindsFrench(title="un cheval mange", note="cheval"),
    ]
    await KindsFrench.ainsert(*rows)
    title: Any = KindsFrench.title
    note: Any = KindsFrench.note
    assert len(await KindsFrench.afind(title.matches("cheval"))) == 2
    assert [row.key for row in await KindsFrench.afind(note.matches("cheval"))] == [rows[1].key]
    assert len(await KindsFrench.afind(title.matches("un"))) == 1


async def test_words_that_sound_alike_count_as_one(source: ClientSource) -> None:
    await ensure_index(KindsSounds, source)
    await KindsSounds.ainsert(*(KindsSounds(name=name) for name in ("Jon Smith", "Catherine", "Bob")))
    name: Any = KindsSounds.name
    assert [row.name for row in await KindsSounds.afind(name.matches("john smyth"))] == ["Jon Smith"]
    assert [row.name for row in await KindsSounds.afind(name.matches("Katherine"))] == ["Catherine"]


async def test_hundreds_of_texts_that_begin_alike_are_all_found(source: ClientSource, raw: Redis) -> None:
    await ensure_index(QueriedRow, source)
    await raw.execute_command("FT.CONFIG", "SET", "MAXPREFIXEXPANSIONS", 200)  # type: ignore[no-untyped-call]
    await raw.execute_command("FT.CONFIG", "SET", "MINPREFIX", 2)  # type: ignore[no-untyped-call]
    await QueriedRow.ainsert(
        *(QueriedRow(text=f"w{number:04}z", bio=f"word{number:03}") for number in range(700))
    )
    text: Any = QueriedRow.text
    bio: Any = QueriedRow.bio
    for expression in (
        text.prefix("w"),
        text.prefix("w0"),
        text.suffix("z"),
        text.contains("0"),
        text.contains("w0"),
    ):
        assert len(await QueriedRow.afind(expression)) == 700, expression
    assert len(await QueriedRow.afind(bio.fuzzy("word000", 3))) == 700
    assert len(await QueriedRow.afind(~text.contains("9z"))) == 630


async def test_a_server_whose_limits_stay_is_not_believed(source: ClientSource, raw: Redis) -> None:
    await ensure_index(QueriedRow, source)
    await raw.execute_command("FT.CONFIG", "SET", "MAXPREFIXEXPANSIONS", 200)  # type: ignore[no-untyped-call]
    await raw.execute_command("ACL", "SETUSER", "default", "-ft.config")  # type: ignore[no-untyped-call]
    text: Any = QueriedRow.text
    try:
        with pytest.raises(PartialSearchError, match="MAXPREFIXEXPANSIONS cannot be changed"):
            await QueriedRow.afind(text.prefix("w"))
        assert await QueriedRow.afind(QueriedRow.number == 1) == []
    finally:
        await raw.execute_command("ACL", "SETUSER", "default", "+ft.config")  # type: ignore[no-untyped-call]


class KindsNumbers(Enum):
    ONE = 1
    TWO = "two"


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (frozenset[bool], "cannot be indexed"),
        (frozenset[bytes], "cannot be indexed"),
        (bytes, "cannot be indexed"),
        (KindsNumbers, "cannot be indexed"),
        (Literal[1, "a"], "cannot be indexed"),
        (list[bytes], "cannot be indexed"),
        (list[bool], "cannot be indexed"),
        (dict[str, Literal[True]], "cannot be indexed"),
        (int | str, "cannot be indexed"),
    ],
)
def test_types_without_an_index_are_named(annotation: Any, said: str) -> None:
    class KindsWrong(AtomicRedisModel):
        field: Index[annotation] | None = None

    KindsWrong.model_rebuild(_types_namespace={"annotation": annotation})
    with pytest.raises(UnsupportedIndexedFieldError, match=f"KindsWrong.field has an Index.*{said}"):
        list(declared(KindsWrong))


@pytest.mark.parametrize(
    ("annotation", "kind", "cure"),
    [
        (set[str], "RedisSet", "declare it as frozenset[str], a part of the document"),
        (set[Color] | None, "RedisSet", "declare it as frozenset[Color], a part of the document"),
        (RedisPriorityQueue[str], "RedisPriorityQueue", "index a field that is a part of the document"),
    ],
)
def test_what_has_a_key_of_its_own_is_refused_when_the_class_is_defined(
    annotation: Any, kind: str, cure: str
) -> None:
    with pytest.raises(UnsupportedIndexedFieldError) as caught:
        create_model(
            "KindsBeside", __base__=AtomicRedisModel, field=(Annotated[annotation, IndexAnnotation()], ...)
        )
    told = f"KindsBeside.field has an Index, but a {kind} has a key of its own, which no index sees; {cure}"
    assert str(caught.value) == told


def test_options_that_do_not_fit_the_type_are_named() -> None:
    class KindsOptions(AtomicRedisModel):
        age: Annotated[int, Index(text=True)] = 0

    with pytest.raises(
        UnsupportedIndexedFieldError, match=r"an Index with Index\(text=True\).*indexed like that"
    ):
        list(declared(KindsOptions))

    class KindsLanguages(AtomicRedisModel):
        one: Annotated[str, Index(text=True, language="french")] = ""
        two: Annotated[str, Index(text=True, language="german")] = ""

    with pytest.raises(UnsupportedIndexedFieldError, match="fields of several languages: french, german"):
        target_on_any(KindsLanguages)


def target_on_any(model: type[AtomicRedisModel]) -> Any:
    attributes = [kind for _, _, kind in declared(model)]
    return options_for(model, attributes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dim": 0}, "no number of dimensions"),
        ({"dim": 2, "metric": "L3"}, "give one of COSINE, L2, IP"),
        ({"algorithm": "TREE"}, "give one of FLAT, HNSW"),
        ({"weight": 2.0}, "give text=True"),
        ({"text": True, "weight": 0}, "give a positive number"),
        ({"text": True, "phonetic": "x"}, "give one of dm:en"),
    ],
)
def test_options_without_sense_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        IndexAnnotation(**options)


def test_vectors_of_the_wrong_size_are_refused() -> None:
    flat: Any = KindsVector.flat
    with pytest.raises(BadFilterError, match="the vector has 2 numbers and not 3"):
        flat.nearest([1, 2])
    with pytest.raises(BadFilterError, match="compares with a vector of 3 numbers"):
        flat.nearest("abc def")


def test_the_marker_tells_its_options() -> None:
    assert repr(IndexAnnotation(text=True, weight=2.0)) == "Index(text=True, weight=2.0)"
    assert repr(IndexAnnotation()) == "Index()"
    assert (
        json.dumps([name for name, _, _ in declared(KindsForms)])
        == '["bare", "called", "bracketed", "given"]'
    )


async def test_what_the_json_of_the_server_makes_of_numbers_is_known(
    source: ClientSource, raw: Redis
) -> None:
    random = Random(7)
    numbers: list[Any] = [random.random() * 10.0 ** random.randrange(-320, 300) for _ in range(300)]
    numbers += [round(random.uniform(-1e6, 1e6), 4) for _ in range(100)] + [-0.0, 5e-324, 1e-30, 1e22, 1e23]
    await raw.json().set("numbers", "$", numbers)
    kept: Any = await raw.json().get("numbers")
    assert kept == [as_stored(number) for number in numbers]
    assert kept != numbers
