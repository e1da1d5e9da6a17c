"""Field types at their edges: what the documentation of each type shows, and what is not there to act on."""

from __future__ import annotations

import datetime as dt
import enum
import operator
from typing import TYPE_CHECKING, Any, Dict, List  # noqa: UP035  # as the documentation writes them

import pytest
from pydantic import BaseModel, ValidationError

from rapyer import AtomicRedisModel
from rapyer.errors import ElementIndexError, KeyNotFound, UnlinkedValueError
from rapyer.types import (
    RedisBytes,
    RedisDatetime,
    RedisDatetimeTimestamp,
    RedisDict,
    RedisFloat,
    RedisInt,
    RedisList,
    RedisStr,
)

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

UTC = dt.timezone.utc
DAY = dt.datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


class TypeEdgeShade(enum.Enum):
    DARK = "dark"
    PALE = "pale"


class TypeEdgePart(BaseModel):
    name: str = "p"
    tags: list[str] = []


class TypeEdgeTheme(BaseModel):
    theme: str = "light"


class TypeEdgeSettings(BaseModel):
    settings: TypeEdgeTheme = TypeEdgeTheme()


class TypeEdgeUser(AtomicRedisModel):
    """As the documentation of the field types writes them."""

    text: str = "John Doe"
    number: int = 5
    data: bytes = b"\x00\xff"
    timestamp: dt.datetime = DAY
    real: float = 2.5
    stamp: RedisDatetimeTimestamp = dt.datetime(2024, 1, 2, 3, 4, 5)  # type: ignore[assignment]
    tags: List[str] = []  # noqa: UP006
    settings: Dict[str, str] = {}  # noqa: UP006
    scores: List[int] = []  # noqa: UP006
    metadata: Dict[str, Any] = {}  # noqa: UP006
    counts: Dict[str, int] = {}  # noqa: UP006
    user: TypeEdgeSettings = TypeEdgeSettings()


class TypeEdgeEvent(AtomicRedisModel):
    name: str
    created_at: dt.datetime
    updated_at: dt.datetime = None  # type: ignore[assignment]


class TypeEdgeBox(AtomicRedisModel):
    parts: list[TypeEdgePart] = []
    texts: dict[str, str] = {"a": "x", "b": "y"}
    numbers: dict[str, int] = {"a": 1, "b": 2}
    raws: dict[str, bytes] = {"a": b"\xff", "b": b""}
    times: dict[str, dt.datetime] = {"a": DAY, "b": DAY}
    shades: dict[str, TypeEdgeShade] = {"a": TypeEdgeShade.DARK, "b": TypeEdgeShade.PALE}
    anything: dict[str, Any] = {"a": [1, {"k": None}], "b": None}
    flags: dict[str, bool] = {"yes": True, "no": False}
    flag_list: list[bool] = [True]
    numbered: list[int] = [1, 2, 3]
    maybe: str | None = "m"


async def user_of(**values: Any) -> Any:
    return await TypeEdgeUser(**values).asave()


async def box_of(**values: Any) -> Any:
    return await TypeEdgeBox(**values).asave()


async def stored(model: Any) -> Any:
    return await type(model).aget(model.key)


CONVERSIONS = {
    "text": RedisStr,
    "number": RedisInt,
    "data": RedisBytes,
    "timestamp": RedisDatetime,
    "real": RedisFloat,
    "stamp": RedisDatetimeTimestamp,
    "tags": RedisList,
    "settings": RedisDict,
    "scores": RedisList,
    "metadata": RedisDict,
}


@pytest.mark.parametrize(("name", "kind"), CONVERSIONS.items())
async def test_a_plain_annotation_becomes_the_redis_type_and_a_clone_is_plain_again(
    name: str, kind: Any
) -> None:
    """Each plain annotation gives the Redis type of the documented table; its clone is plain, and unlinked."""
    user = await stored(await user_of())
    value = getattr(user, name)
    assert type(value) is kind
    assert isinstance(value, kind.native)
    clone = value.clone()
    assert type(clone) is kind.native
    assert clone == value
    assert not hasattr(clone, "key")
    with pytest.raises(UnlinkedValueError, match="belongs to no model"):
        _ = kind._rapyer_wrap(clone).key


async def test_a_value_tells_its_model_and_its_place() -> None:
    """`key` is the model's key, `field_path` and `json_path` the place, as `user.settings.theme`."""
    user = await user_of()
    theme = user.user.settings.theme
    assert (theme.key, theme.field_path, theme.json_path) == (
        user.key,
        "user.settings.theme",
        "$.user.settings.theme",
    )
    assert theme.redis is theme.client is user.redis_client
    assert await theme.save() == "light"
    assert await theme.load() == "light"


async def test_text_behaves_as_str_and_saves_itself() -> None:
    """The documented example of RedisStr: methods of str, `save`, `load`, `clone`."""
    user = await user_of()
    assert (user.text.upper(), user.text.startswith("J"), user.text.split()) == (
        "JOHN DOE",
        True,
        ["John", "Doe"],
    )
    user.text = "Jane"
    assert await user.text.save() == "Jane"
    await (await stored(user)).aupdate(text="Joan")
    assert await user.text.load() == user.text == "Joan"
    assert await user.text.load() is not None


async def test_integers_count_and_compute_as_int() -> None:
    """The documented examples of RedisInt: `increase()` gives 6, then `increase(10)` 16."""
    user = await user_of(number=5)
    assert await user.number.increase() == 6
    assert await user.number.increase(10) == 16
    assert (user.number + 1, user.number > 3, type(user.number + 1)) == (6, True, int)


async def test_the_playlist_of_the_documentation() -> None:
    """Immediate list operations, pops from both ends, and a batch in which `clear` comes last."""
    user = await user_of(tags=["Song 1"])
    await user.tags.aappend("Song 2")
    await user.tags.aextend(["Song 3", "Song 4"])
    await user.tags.ainsert(1, "Song 1.5")
    assert (await stored(user)).tags == ["Song 1", "Song 1.5", "Song 2", "Song 3", "Song 4"]
    assert (await user.tags.apop(), await user.tags.apop(0)) == ("Song 4", "Song 1")
    async with user.pipeline():
        user.tags.append("New Song")
        user.scores.extend([5, 4, 5])
        user.tags.clear()
    assert ((await stored(user)).tags, (await stored(user)).scores) == ([], [5, 4, 5])
    async with user.pipeline():
        user.tags.append("redis")
        user.tags.extend(["asyncio", "web"])
        user.tags += ["backend"]
        user.tags.insert(0, "python")
        user.tags[1] = "Redis"
    assert (await stored(user)).tags == ["python", "Redis", "asyncio", "web", "backend"] == user.tags


async def test_the_profile_of_the_documentation() -> None:
    """Immediate dict operations, pops that return what was there, and a batch of sync ones."""
    user = await user_of(settings={"theme": "light"})
    await user.settings.aset_item("language", "en")
    await user.settings.aupdate(theme="dark", notifications="on")
    assert await user.settings.apop("theme") == "dark"
    assert await user.settings.apop("theme") is None
    await user.settings.adel_item("notifications")
    assert await user.settings.apopitem() == ("language", "en")
    with pytest.raises(KeyError, match="dictionary is empty"):
        await user.settings.apopitem()
    async with user.pipeline():
        user.settings.update({"theme": "blue", "font": "large"}, size="10")
        user.settings["notifications"] = "enabled"
        user.counts["game1"] = 100
        user.counts["game2"] = 85
        user.metadata.clear()
    after = await stored(user)
    assert after.settings == {"theme": "blue", "font": "large", "size": "10", "notifications": "enabled"}
    assert after.counts == {"game1": 100, "game2": 85}


async def test_bytes_are_stored_and_loaded_as_they_are() -> None:
    """The documented example of RedisBytes: any byte survives, and the value behaves as bytes."""
    everything = bytes(range(256))
    user = await user_of(data=everything)
    assert (await user.load()) is user
    assert (user.data, len(user.data)) == (everything, 256)
    assert (await stored(user)).data == everything


async def test_a_time_that_is_none_by_default() -> None:
    """`updated_at: datetime = None`, as documented, is a field that may be None, until it gets a time."""
    event: Any = await TypeEdgeEvent(name="a", created_at=DAY).asave()
    assert (await stored(event)).updated_at is None
    event.updated_at = DAY + dt.timedelta(hours=1)
    await event.save()
    loaded = await stored(event)
    assert (loaded.updated_at - loaded.created_at, type(loaded.updated_at)) == (
        dt.timedelta(hours=1),
        RedisDatetime,
    )
    assert loaded.updated_at.json_path == "$.updated_at"
    async with loaded.apipeline():
        loaded.updated_at = None
    assert (await stored(event)).updated_at is None
    with pytest.raises(ValidationError, match="created_at"):
        event.created_at = None


async def test_what_the_documentation_says_may_be_raised() -> None:
    """Loading what is not stored is KeyNotFound; a value of another type is a ValueError."""
    user: Any = TypeEdgeUser()
    for value in (user.tags, user.settings, user.text, user.number, user.data, user.timestamp, user.stamp):
        with pytest.raises(KeyNotFound):
            await value.load()
    await user.save()
    for attempt in (user.scores.aappend("x"), user.counts.aset_item("a", "x"), user.tags.aextend([1])):
        with pytest.raises(ValueError, match="validation error"):
            await attempt
    assert await stored(user) == user


@pytest.mark.parametrize("index", [0, 1, 2])
async def test_models_are_inserted_where_they_belong_and_come_back_whole(index: int) -> None:
    """`ainsert` of a model at the front, the middle and the end; a popped model equals the one put in."""
    box = await box_of(parts=[TypeEdgePart(name="a", tags=["x"]), TypeEdgePart(name="b")])
    new = TypeEdgePart(name="new", tags=["t", "u"])
    await box.parts.ainsert(index, new)
    names = ["a", "b"]
    names.insert(index, "new")
    assert [part.name for part in (await stored(box)).parts] == [part.name for part in box.parts] == names
    popped = await box.parts.apop(index)
    assert popped.model_dump() == new.model_dump()
    assert [part.name for part in (await stored(box)).parts] == ["a", "b"]


@pytest.mark.parametrize("name", ["texts", "numbers", "raws", "times", "shades", "anything"])
async def test_popping_members_of_every_type(name: str) -> None:
    """`apop` gives the typed value, the default where there is one, else None; once each."""
    box = await box_of()
    held, expected = getattr(box, name), getattr(TypeEdgeBox(), name).clone()
    value = await held.apop("a")
    assert (value, type(value)) == (expected["a"], type(expected["a"]))
    assert await held.apop("a") is None
    assert await held.apop("a", "default") == "default"
    assert await held.apop("b", "default") == expected["b"]
    assert getattr(await stored(box), name) == held == {}
    with pytest.raises(KeyError, match=r"popitem\(\): dictionary is empty"):
        await held.apopitem()


async def test_bools_in_containers_stay_bools(raw: Redis) -> None:
    """Lists and dicts of bool hold real bools after loading, also those that another writer pickled."""
    box = await box_of()
    await box.flags.aset_item("more", True)
    await box.flag_list.aappend(False)
    await raw.execute_command("JSON.SET", box.key, "$.flags.old", '"gASILg=="')
    after = await stored(box)
    assert after.flags == {"yes": True, "no": False, "more": True, "old": True}
    assert after.flag_list == [True, False]
    assert {type(flag) for flag in [*after.flags.values(), *after.flag_list]} == {bool}


async def test_saving_a_value_whose_place_is_missing(raw: Redis) -> None:
    """A missing member is created, a missing parent or position is an error, and nothing else is written."""
    box = await box_of()
    await raw.execute_command("JSON.DEL", box.key, "$.maybe")
    assert await box.maybe.asave() == "m"
    assert (await stored(box)).maybe == "m"
    member, element = box.texts["a"], box.numbered[2]
    await raw.execute_command("JSON.DEL", box.key, "$.texts")
    with pytest.raises(KeyNotFound, match=r"at \$.texts.a"):
        await member.asave()
    await raw.execute_command("JSON.SET", box.key, "$.numbered", "[1]")
    with pytest.raises(ElementIndexError, match=r"\$.numbered\[2\]: array index out of range"):
        await element.asave()
    assert await raw.execute_command("JSON.GET", box.key, "$.numbered") == "[[1]]"
    assert await raw.execute_command("JSON.TYPE", box.key, "$.texts") == []


async def test_loading_a_null(raw: Redis) -> None:
    """A stored null is loaded as None, and the field is None then."""
    box = await box_of()
    maybe = box.maybe
    await raw.execute_command("JSON.SET", box.key, "$.maybe", "null")
    assert await maybe.aload() is None
    assert box.maybe is None


async def test_operators_without_a_command_write_the_local_result() -> None:
    """`bytes *=`, `bytes +=`, `str %=` and a time moved by subtraction write what Python makes of them."""
    user = await user_of(data=b"ab", text="%s!")
    async with user.apipeline():
        user.data *= 2
        user.data += b"c"
        user.text %= ("x",)
    assert (
        ((await stored(user)).data, (await stored(user)).text) == (user.data, user.text) == (b"ababc", "x!")
    )


@pytest.mark.parametrize("change", [operator.iadd, operator.isub])
@pytest.mark.parametrize("other", [1, "x", None, [1]], ids=str)
@pytest.mark.parametrize("name", ["timestamp", "stamp"])
async def test_only_spans_move_a_time(name: str, other: Any, change: Any) -> None:
    """Adding to a time, or taking from it, what is no timedelta is a TypeError, in a pipeline and without."""
    user = await user_of()
    with pytest.raises(TypeError, match="unsupported operand"):
        setattr(user, name, change(getattr(user, name), other))
    with pytest.raises(TypeError, match="unsupported operand"):
        async with user.apipeline():
            setattr(user, name, change(getattr(user, name), other))
    assert (await stored(user)).timestamp == DAY


async def test_plain_expressions_on_containers_give_plain_values() -> None:
    """Slices, `+` and `|` of containers are plain; times stay Redis times; views show the local members."""
    user = await user_of(tags=["a", "b"], settings={"k": "v"})
    assert [type(value) for value in (user.tags[:1], user.tags + ["c"], user.settings | {"x": "y"})] == [
        list,
        list,
        dict,
    ]
    assert type(user.timestamp + dt.timedelta(1)) is RedisDatetime
    assert (list(user.settings.items()), list(user.settings.values()), list(user.settings)) == (
        [("k", "v")],
        ["v"],
        ["k"],
    )


async def test_an_in_place_operator_makes_a_new_value_and_leaves_the_operand_alone() -> None:
    """`a.x += b.x` outside a pipeline changes neither Redis nor the other model, and keeps key and place."""
    one, two = await user_of(), await user_of(number=7, text="!", tags=["t"])
    before = one.number
    one.number += two.number
    one.text += two.text
    one.tags += two.tags
    assert (one.number, one.text, one.tags, before) == (12, "John Doe!", ["t"], 5)
    assert (one.number.key, one.number.json_path, two.number.key) == (one.key, "$.number", two.key)
    assert (two.number, two.text, two.tags) == (7, "!", ["t"])
    assert (await stored(one)).number == 5
