"""Which annotations become set fields, where they may stand, and what that means for pydantic."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Optional, Set, TypeVar, Union  # noqa: UP035

import pytest
from pydantic import BaseModel, Field, ValidationError

from rapyer import AtomicRedisModel, Index
from rapyer.errors import UnsupportedFieldError, UnsupportedIndexedFieldError
from rapyer.model.schema import spec_of
from rapyer.types import BaseRedisType, RedisSet, RedisType, SpecialFieldType

T = TypeVar("T")


class DefinedInner(BaseModel):
    n: int = 0
    tags: set[str] = Field(default_factory=set)


class DefinedSets(AtomicRedisModel):
    direct: RedisSet[int] = Field(default_factory=RedisSet)
    bare: RedisSet = Field(default_factory=RedisSet)
    plain: set[str] = set()
    old: Set[str] = set()  # noqa: UP006
    bare_plain: set = set()
    annotated: Annotated[set[int], Field(max_length=3)] = set()
    optional: Optional[RedisSet[str]] = None  # noqa: UP045
    optional_plain: set[str] | None = None
    hidden: RedisSet[str] = Field(default_factory=RedisSet, exclude=True)
    inner: DefinedInner = DefinedInner()
    optional_inner: DefinedInner | None = None


class DefinedOthers(AtomicRedisModel):
    frozen: frozenset[str] = frozenset()
    excluded: set[str] = Field(default_factory=set, exclude=True)
    choice: set[str] | int = 1
    listed: list[set[str]] = []
    mapped: dict[str, set[str]] = {}
    models: list[DefinedInner] = []
    pair: tuple[set[str], int] = (set(), 1)


class DefinedBox(AtomicRedisModel, Generic[T]):
    value: T
    held: RedisSet[T] = Field(default_factory=RedisSet)
    plain: set[T] = Field(default_factory=set)


def test_what_becomes_a_field_with_a_key_of_its_own() -> None:
    """§1.1, §13.26"""
    assert [one.name for one in spec_of(DefinedSets).companions] == [
        "direct",
        "bare",
        "plain",
        "old",
        "bare_plain",
        "annotated",
        "optional",
        "optional_plain",
        "hidden",
        "inner.tags",
        "optional_inner.tags",
    ]
    assert {one.kind for one in spec_of(DefinedSets).companions} == {RedisSet}
    optional = {one.name for one in spec_of(DefinedSets).companions if one.optional}
    assert optional == {"optional", "optional_plain", "optional_inner.tags"}
    model = DefinedSets(optional={"a"}, optional_plain=["b"], optional_inner=DefinedInner(tags={"c"}))
    for one in spec_of(DefinedSets).companions:
        value: Any = model
        for name in one.path:
            value = getattr(value, name)
        assert type(value) is RedisSet, one.name
        assert value.special_key == one.key(model.key)
    assert model.all_keys == [model.key, *(one.key(model.key) for one in spec_of(model).companions)]


def test_what_does_not() -> None:
    assert spec_of(DefinedOthers).companions == ()
    model = DefinedOthers(
        frozen=["a"], excluded=["a"], listed=[["a"]], mapped={"k": ["a"]}, models=[{"tags": ["a"]}]
    )
    assert (type(model.frozen), type(model.excluded)) == (frozenset, set)
    inline: list[Any] = [model.listed[0], model.mapped["k"], model.models[0].tags]
    assert [type(one) for one in inline] == [RedisSet] * 3
    assert type(DefinedOthers(choice={"a"}).choice) is set


def test_special_fields_are_no_inline_types() -> None:
    tags: Any = DefinedSets().plain
    assert isinstance(tags, SpecialFieldType)
    assert isinstance(tags, BaseRedisType)
    assert not isinstance(tags, RedisType)
    assert not hasattr(tags, "asave")
    assert not hasattr(tags, "aload")


def test_the_keys_follow_the_present_key() -> None:
    """W9"""
    model = DefinedSets()
    before = model.all_keys
    model.pk = "other"
    assert model.all_keys == [key.replace(before[0], "DefinedSets:other") for key in before]


def test_the_element_type_of_a_parametrised_class() -> None:
    """W24"""
    box = DefinedBox[int](value=1, held=["5"], plain={"6"})
    assert (box.held, box.plain) == ({5}, {6})
    box.held.add("7")
    assert box.held == {5, 7}
    with pytest.raises(ValidationError, match=r"DefinedBox\[int\]\.held"):
        box.held.add("x")
    assert box.held.special_key == f"__rapyer_special__:DefinedBox[int]:{box.pk}:held"
    (real,) = DefinedBox[float](value=1, held={1}).held
    assert type(real) is float


def test_a_concrete_subclass_of_a_parametrised_class() -> None:
    class DefinedTextBox(DefinedBox[str]):
        pass

    box = DefinedTextBox(value="v", held=["a"])
    assert box.held.special_key == f"__rapyer_special__:DefinedTextBox:{box.pk}:held"
    with pytest.raises(ValidationError):
        box.held.add(5)


def test_constructing_takes_any_iterable_of_elements_that_fit() -> None:
    for given in ([1, 2], (1, 2), {1, 2}, frozenset({1, 2}), RedisSet({1, 2}), ["1", 2], iter([1, 2])):
        assert DefinedSets(direct=given).direct == {1, 2}
    for bad in (None, 5, "12", ["x"], {"a": 1}):
        with pytest.raises(ValidationError, match="direct"):
            DefinedSets(direct=bad)
    with pytest.raises(ValidationError, match="at most 3"):
        DefinedSets(annotated=range(4))
    given = {1, 2}
    model = DefinedSets(direct=given)
    model.direct.add(3)
    assert given == {1, 2}


def test_ordinary_json_holds_the_elements() -> None:
    model = DefinedSets(direct={1}, plain={"a"}, bare=["x"], optional=["o"])
    assert DefinedSets.model_validate_json(model.model_dump_json()) == model
    assert DefinedSets.model_validate(model.model_dump(mode="json")) == model
    assert DefinedSets.model_validate(model.model_dump()) == model
    assert model.model_dump(mode="json")["direct"] == [1]
    schema = DefinedSets.model_json_schema()["properties"]
    assert schema["direct"] == {
        "items": {"type": "integer"},
        "title": "Direct",
        "type": "array",
        "uniqueItems": True,
    }
    strict: Any = DefinedSets.__pydantic_validator__
    assert strict.validate_json('{"direct": [1], "plain": ["a"]}', strict=True).direct == {1}
    with pytest.raises(ValidationError, match=r"direct\.0"):
        DefinedSets.model_validate_json('{"direct": ["x"]}')
    with pytest.raises(ValidationError, match="valid array"):
        DefinedSets.model_validate_json('{"direct": 5}')


def test_an_index_on_a_set_is_refused() -> None:
    with pytest.raises(UnsupportedIndexedFieldError) as raised:

        class DefinedIndexed(AtomicRedisModel):
            tags: Index[set[str]] = set()

    assert str(raised.value) == (
        "DefinedIndexed.tags has an Index, but a RedisSet has a key of its own, which no index sees; "
        "declare it as frozenset[str], a part of the document"
    )


class Pouch(SpecialFieldType):
    """A field type that needs a key of its own."""

    native = object

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return handler.generate_schema(list)


class DefinedPouched(BaseModel):
    pouch: Pouch | None = None


REFUSED: dict[str, tuple[Any, str]] = {
    "list": (list[Pouch], "a list or dict"),
    "dict": (dict[str, Pouch], "a list or dict"),
    "deep": (dict[str, list[Pouch]], "a list or dict"),
    "optional list": (dict[str, list[Pouch] | None], "a list that is stored whole"),
    "model in a list": (list[DefinedPouched], "a list or dict"),
    "one of several": (Union[Pouch, int], "a choice of several types"),  # noqa: UP007
    "one of several models": (DefinedPouched | DefinedInner, "a list or dict"),
    "tuple": (tuple[Pouch, int], "a tuple that is stored whole"),
    "set in a tuple": (tuple[RedisSet[int], int], "a tuple that is stored whole"),
    "set among several": (RedisSet[int] | int, "a choice of several types"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_where_a_field_with_a_key_of_its_own_cannot_stand(name: str) -> None:
    """W6"""
    annotation, where = REFUSED[name]
    kind = "RedisSet" if name.startswith("set") else "Pouch"
    body = {"__annotations__": {"field": annotation}, "__module__": __name__}
    with pytest.raises(
        UnsupportedFieldError,
        match=rf"DefinedRefused\.field holds a {kind} in {where}; let the {kind} be a field of a model, optional or not",
    ) as caught:
        type(AtomicRedisModel)("DefinedRefused", (AtomicRedisModel,), body)
    assert (caught.value.model, caught.value.field) == ("DefinedRefused", "field")
    assert isinstance(caught.value, TypeError)


def test_where_it_can() -> None:
    class DefinedAccepted(AtomicRedisModel):
        direct: Pouch | None = None
        inner: DefinedPouched = DefinedPouched()
        optional: DefinedPouched | None = None

    assert [one.name for one in spec_of(DefinedAccepted).companions] == [
        "direct",
        "inner.pouch",
        "optional.pouch",
    ]


def test_it_cannot_stand_in_a_model_that_is_nested_in_its_own_kind() -> None:
    with pytest.raises(
        UnsupportedFieldError, match=r"holds a Pouch in a model that is nested in its own kind"
    ):

        class DefinedLoop(AtomicRedisModel):
            pouch: Pouch | None = None
            loop: Optional[DefinedLoop] = None  # noqa: UP045

        DefinedLoop.model_rebuild()
