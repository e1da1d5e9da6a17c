"""However a class is defined, it is stored and loaded: generics, mixins, names of methods, configuration."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, computed_field

import rapyer
from rapyer import AtomicRedisModel, Key
from rapyer.base import find_redis_models as from_base
from rapyer.errors import DuplicateModelNameError
from rapyer.model.registry import registry
from rapyer.types import RedisInt, RedisList, RedisStr

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")

T = TypeVar("T")


class DefBox(AtomicRedisModel, Generic[T]):
    content: T
    many: list[T] = []


DefIntBox = DefBox[int]


class DefTextBox(DefBox[str]):
    more: int = 0


class DefHolder(AtomicRedisModel):
    box: DefBox[float]
    tree: DefTree | None = None


class DefTree(BaseModel):
    name: str = ""
    children: list[DefTree] = []


DefHolder.model_rebuild()


class DefPlain:
    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        object.__setattr__(self, "beside", 1)


class DefMixed(DefPlain, AtomicRedisModel):
    name: str = ""


class DefFields(BaseModel):
    tags: list[str] = []
    number: int = 0


class DefLeft(AtomicRedisModel, DefFields):
    left: str = "l"


class DefRight(AtomicRedisModel, DefFields):
    right: str = "r"


class DefDiamond(DefLeft, DefRight):
    pass


class DefNamed(AtomicRedisModel):
    save: str
    load: int
    delete: list[str]
    duplicate: bool = True
    pipeline: dict[str, int] = {}
    client: str = "c"
    increase: int = 1
    index_name: str | None = None


class DefNamedChild(DefNamed):
    more: str = ""


class DefNamedItem(BaseModel):
    key: str
    update: str
    pk: int = 5


class DefNamedHolder(AtomicRedisModel):
    item: DefNamedItem
    items: list[DefNamedItem] = []


class DefOpen(AtomicRedisModel):
    model_config = ConfigDict(extra="allow")
    name: str = ""


class DefStrictInner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    x: int = 1

    @computed_field  # type: ignore[prop-decorator]
    @property
    def double(self) -> int:
        return 2 * self.x


class DefStrict(AtomicRedisModel):
    model_config = ConfigDict(extra="forbid", title="Strict ones")
    x: int = 1
    inner: DefStrictInner = DefStrictInner()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def label(self) -> str:
        return f"no {self.x}"


class DefFrozen(AtomicRedisModel):
    model_config = ConfigDict(frozen=True)
    name: str = "n"
    number: int = 1


class DefAliased(AtomicRedisModel):
    model_config = ConfigDict(populate_by_name=True)
    name: str = Field(default="", alias="fullName")


class DefHidden(AtomicRedisModel):
    shared: ClassVar[list[int]] = [1]
    _secret: str = PrivateAttr(default="s")
    name: str = ""
    trailing_: list[int] = []


class DefExcluding(BaseModel):
    number: int = Field(default=1, exclude=True)
    text: str = Field(default="t", exclude=True)
    kept: int = 2


class DefExcludingModel(AtomicRedisModel, DefExcluding):
    inner: DefExcluding = DefExcluding()
    real: float = Field(default=1.5, exclude=True)


async def test_generics() -> None:
    box = await DefBox[int](content=1, many=[2]).asave()
    assert box.key.startswith("DefBox[int]:")
    assert await rapyer.aget(box.key) == box
    assert await DefBox[int].afind() == [box]
    assert await DefBox[int].afind_keys() == [box.key]
    assert await DefBox[str].afind() == []
    text = await DefTextBox(content="a", many=["b"]).asave()
    assert await DefTextBox.aget(text.pk) == text
    await text.many.aappend("c")  # type: ignore[attr-defined]
    assert (await DefTextBox.aget(text.key)).many == ["b", "c"]


async def test_an_unparametrised_generic_is_usable_but_not_registered() -> None:
    box: Any = await DefBox(content="x", many=["y"]).asave()
    assert (await DefBox.aget(box.key)).content == "x"
    registered = rapyer.find_redis_models()
    assert DefBox not in registered
    assert {DefIntBox, DefTextBox, DefHolder, DefBox[float]} <= set(registered)
    assert from_base() == registered


async def test_forward_references_and_models_that_hold_their_own_kind() -> None:
    holder: Any = DefHolder(
        box=DefBox[float](content=1.5), tree=DefTree(name="a", children=[DefTree(name="b")])
    )
    await holder.asave()
    loaded: Any = await DefHolder.aget(holder.key)
    assert loaded == holder
    assert loaded.tree.children[0].name.json_path == "$.tree.children[0].name"
    await loaded.tree.children[0].aupdate(name="c")
    assert (await DefHolder.aget(holder.key)).tree.children[0].name == "c"  # type: ignore[union-attr]


async def test_mixins_and_diamonds(raw: Redis) -> None:
    mixed = await DefMixed(name="x").asave()
    assert mixed.beside == 1  # type: ignore[attr-defined]
    assert mixed.redis_dump() == {"name": "x"}
    diamond: Any = await DefDiamond(tags=["a"], number=3).asave()
    assert await DefDiamond.aget(diamond.key) == diamond
    assert (diamond.tags.json_path, type(diamond.tags)) == ("$.tags", RedisList)
    await diamond.tags.aappend("b")
    assert await raw.json().get(diamond.key, "$.tags") == [["a", "b"]]  # type: ignore[misc]


async def test_fields_win_over_the_names_of_operations() -> None:
    with pytest.raises(ValidationError, match="3 validation errors"):
        DefNamed()  # type: ignore[call-arg]
    for cls in (DefNamed, DefNamedChild):
        model: Any = await cls(save="s", load=1, delete=["d"]).asave()
        assert (model.save, model.load, model.delete, model.duplicate) == ("s", 1, ["d"], True)
        assert (model.pipeline, model.client, model.increase, model.index_name) == ({}, "c", 1, None)
        assert (type(model.save), type(model.load)) == (RedisStr, RedisInt)
        model.save = "changed"
        assert model.save == "changed"
        async with model.apipeline():
            model.load += 1
            model.pipeline["x"] = 1
        loaded: Any = await cls.aget(model.key)
        assert (loaded.save, loaded.load, loaded.pipeline) == ("s", 2, {"x": 1})
        assert await loaded.adelete()
    plain: Any = await DefFrozen().save()
    assert (await plain.load()) is plain
    async with plain.pipeline():
        pass


async def test_even_key_and_pk_may_be_fields() -> None:
    item = DefNamedItem(key="k", update="u")
    holder: Any = await DefNamedHolder(item=item, items=[item]).asave()
    assert (holder.item.key, holder.item.update, holder.item.pk) == ("k", "u", 5)
    assert holder.items[0].key.json_path == "$.items[0].key"
    await holder.item.asave()
    await holder.items[0].key.asave()
    assert await DefNamedHolder.aget(holder.key) == holder
    with pytest.warns(UserWarning, match='Field name "key" in .*DefSetting" shadows an attribute'):

        class DefSetting(AtomicRedisModel):
            key: Key[str]
            value: int = 1

    setting: Any = await DefSetting(key="a").asave()
    await setting.value.aincrease(2)
    loaded = await DefSetting.aget("a")
    assert (loaded.key, loaded.value) == ("a", 3)
    assert await DefSetting.afind_keys() == ["DefSetting:a"]


async def test_names_of_old_operations_cause_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        class DefQuiet(AtomicRedisModel):
            save: str
            delete: int = 1
            client: str = ""

    assert DefQuiet(save="x").save == "x"


async def test_extra_fields_are_stored_and_loaded() -> None:
    model: Any = await DefOpen(name="n", more=[1, {"a": None}]).asave()  # type: ignore[call-arg]
    assert model.redis_dump() == {"name": "n", "more": [1, {"a": None}]}
    loaded: Any = await DefOpen.aget(model.key)
    assert loaded == model
    assert loaded.more == [1, {"a": None}]
    with pytest.raises(ZeroDivisionError):
        async with loaded.apipeline():
            loaded.more = "discarded"
            raise ZeroDivisionError
    assert loaded.more == [1, {"a": None}]
    async with loaded.apipeline():
        loaded.late = 5
    assert (await DefOpen.aget(model.key)).late == 5  # type: ignore[attr-defined]


async def test_computed_fields_are_written_and_no_hindrance(raw: Redis) -> None:
    model = await DefStrict(x=3).asave()
    assert await raw.json().get(model.key, "$") == [{"x": 3, "inner": {"x": 1, "double": 2}, "label": "no 3"}]  # type: ignore[misc]
    loaded = await DefStrict.aget(model.key)
    assert (loaded, loaded.label) == (model, "no 3")
    loaded.x = 4
    assert loaded.label == "no 4"
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        DefStrict(label="x")  # type: ignore[call-arg]


async def test_frozen_models() -> None:
    model = await DefFrozen(name="x").asave()
    loaded = await DefFrozen.aget(model.key)
    assert loaded == model
    assert hash(loaded) == hash(model)
    assert len({loaded, model}) == 1
    with pytest.raises(ValidationError, match="frozen"):
        loaded.name = "y"
    assert (await loaded.aload()) is loaded
    assert (await DefFrozen.afind()) == [model]
    assert (await model.aduplicate(name="z")).name == "z"
    with pytest.raises(TypeError, match="unhashable"):
        hash(DefOpen())


async def test_aliased_fields_are_stored_under_their_name(raw: Redis) -> None:
    model = await DefAliased(fullName="Ada").asave()
    assert await raw.json().get(model.key, "$") == [{"name": "Ada"}]  # type: ignore[misc]
    assert (await DefAliased.aget(model.key)).name == "Ada"


async def test_private_and_class_attributes_are_not_stored(raw: Redis) -> None:
    model = DefHidden(name="x", trailing_=[1])
    model._secret = "changed"
    await model.asave()
    assert await raw.json().get(model.key, "$") == [{"name": "x", "trailing_": [1]}]  # type: ignore[misc]
    loaded = await DefHidden.aget(model.key)
    assert (loaded._secret, DefHidden.shared, type(loaded.trailing_)) == ("s", [1], RedisList)


async def test_excluded_fields_stay_plain_and_out_of_redis() -> None:
    model = await DefExcludingModel(number=9).asave()
    assert model.redis_dump() == {"kept": 2, "inner": {"kept": 2}}
    assert [type(value) for value in (model.number, model.text, model.real, model.inner.number)] == [
        int,
        str,
        float,
        int,
    ]
    assert (await DefExcludingModel.aget(model.key)).number == 1


async def test_copies_and_pickles_are_independent() -> None:
    model: Any = await DefLeft(tags=["a"]).asave()
    for made in (
        copy.copy(model),
        copy.deepcopy(model),
        model.model_copy(deep=True),
        pickle.loads(pickle.dumps(model)),
    ):
        assert made == model
        assert made.key == model.key
        made.tags = [*made.tags, "b"]
        assert made.tags.json_path == "$.tags"
        assert model.tags == ["a"]
        await made.tags.asave()
        assert (await DefLeft.aget(model.key)).tags == ["a", "b"]
        await model.asave()
    nested: Any = DefHolder(box=DefBox[float](content=1.0), tree=DefTree(name="a"))
    assert pickle.loads(pickle.dumps(nested)) == nested
    assert pickle.loads(pickle.dumps(nested.tree)).name == "a"


def test_equality_goes_by_fields() -> None:
    assert DefLeft() == DefLeft()
    assert DefLeft() != DefLeft(number=1)
    assert DefLeft() != "DefLeft"
    assert DefOpen(a=1) != DefOpen(a=2)  # type: ignore[call-arg]


def test_two_classes_of_one_name() -> None:
    registry.allow_redefinition = False
    with pytest.raises(DuplicateModelNameError) as raised:

        class DefLeft(AtomicRedisModel):
            pass

    assert raised.value.model_name == "DefLeft"


async def test_inner_models_and_their_fields_act_on_their_own_part() -> None:
    holder: Any = await DefHolder(box=DefBox[float](content=1.0, many=[1.0]), tree=DefTree(name="t")).asave()
    holder.tree.name = "changed"
    holder.box.content = 9.0
    await holder.box.asave()
    loaded: Any = await DefHolder.aget(holder.key)
    assert (loaded.box.content, loaded.tree.name) == (9.0, "t")
    assert (loaded.box.key, loaded.box.field_name, loaded.box.field_path, loaded.box.json_path) == (
        holder.key,
        "box",
        "box",
        "$.box",
    )
    assert loaded.box.is_inner_model()
    assert not loaded.is_inner_model()
    assert (loaded.field_name, loaded.field_path, loaded.json_path) == ("", "", "$")
    assert loaded.key_initials == loaded.class_key_initials() == "DefHolder"
    async with loaded.box.apipeline():
        loaded.box.content += 1
    assert (await DefHolder.aget(holder.key)).box.content == 10.0
