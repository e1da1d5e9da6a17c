"""However a class is written, its fields become Redis types and pydantic's rules hold."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from typing import Annotated, Any, ClassVar, Generic, Optional, TypeVar, Union

import pytest
from pydantic import BaseModel, Field, ValidationError, computed_field, field_validator, model_validator

from rapyer import AtomicRedisModel, Index, Key
from rapyer.config import RedisConfig
from rapyer.errors import DuplicateModelNameError, InvalidKeyError, UnlinkedValueError
from rapyer.fields import KeyAnnotation, RapyerKey
from rapyer.model.registry import registry
from rapyer.model.schema import spec_of
from rapyer.types import RedisBytes, RedisDatetime, RedisDict, RedisFloat, RedisInt, RedisList, RedisStr

T = TypeVar("T")


class Address(BaseModel):
    street: str = "Main"
    tags: list[str] = []


class Everything(AtomicRedisModel):
    text: str = "a"
    number: int = 1
    real: float = 1.5
    raw: bytes = b"x"
    moment: dt.datetime = dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.timezone.utc)
    items: list[int] = [1]
    mapping: dict[str, int] = {"a": 1}
    flag: bool = True
    maybe: Optional[str] = "m"  # noqa: UP045 - both spellings are tested
    either: Union[int, str] = "e"  # noqa: UP007
    other: int | None = 5
    address: Address = Address()
    deep: list[list[int]] = [[1]]
    members: list[Address] = [Address()]


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("text", RedisStr),
        ("number", RedisInt),
        ("real", RedisFloat),
        ("raw", RedisBytes),
        ("moment", RedisDatetime),
        ("items", RedisList),
        ("mapping", RedisDict),
        ("flag", bool),
        ("maybe", RedisStr),
        ("either", RedisStr),
        ("other", RedisInt),
    ],
)
def test_values_are_redis_types_that_know_their_place(name: str, type_: type) -> None:
    model = Everything()
    value = getattr(model, name)
    assert type(value) is type_
    if type_ is not bool:
        assert value.json_path == f"$.{name}"
        assert value.field_path == value.field_name == name
        assert value.key == model.key
        assert type(value.clone()) is type_.native  # type: ignore[attr-defined]


def test_reading_twice_gives_the_same_object() -> None:
    model = Everything()
    assert model.items is model.items
    assert model.number is model.number
    assert model.address is model.address


def test_inner_values_know_their_path() -> None:
    model = Everything()
    assert model.address.street.json_path == "$.address.street"  # type: ignore[attr-defined]
    assert model.address.tags.json_path == "$.address.tags"  # type: ignore[attr-defined]
    assert model.deep[0].json_path == "$.deep[0]"  # type: ignore[attr-defined]
    assert model.deep[0][0].json_path == "$.deep[0][0]"  # type: ignore[attr-defined]
    assert model.members[0].street.json_path == "$.members[0].street"  # type: ignore[attr-defined]
    assert [member.street.json_path for member in model.members] == ["$.members[0].street"]  # type: ignore[attr-defined]
    assert isinstance(model.address, Address)


def test_paths_follow_elements_that_move() -> None:
    model = Everything(members=[Address(street="a"), Address(street="b")], items=[10, 20])
    second, number = model.members[1], model.items[1]
    model.members.insert(0, Address(street="new"))
    model.items.pop(0)
    assert second.street.json_path == "$.members[2].street"  # type: ignore[attr-defined]
    assert number.json_path == "$.items[0]"  # type: ignore[attr-defined]
    model.items.clear()
    with pytest.raises(
        UnlinkedValueError, match="the element is no longer in the list; read it from the list again"
    ):
        number.json_path  # type: ignore[attr-defined]  # noqa: B018


def test_assignment_validates_and_wraps_again() -> None:
    model = Everything()
    model.items = [4, "5"]  # type: ignore[list-item]
    assert model.items == [4, 5]
    assert type(model.items) is RedisList
    model.address = {"street": "Side"}  # type: ignore[assignment]
    assert model.address.street == "Side"
    with pytest.raises(ValidationError, match="valid integer"):
        model.number = "x"  # type: ignore[assignment]
    assert model.number == 1


def test_elements_are_checked_and_the_error_names_the_field() -> None:
    model = Everything()
    with pytest.raises(ValidationError, match="Everything.items"):
        model.items.append("x")  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="Everything.mapping"):
        model.mapping["k"] = "x"  # type: ignore[assignment]
    assert model.items == [1]
    assert model.mapping == {"a": 1}


def test_what_json_cannot_hold_is_refused() -> None:
    for bad in ({"real": float("nan")}, {"real": float("inf")}, {"number": 2**63}, {"text": "\ud800"}):
        with pytest.raises(ValidationError):
            Everything(**bad)  # type: ignore[arg-type]
    Everything(number=2**63 - 1)


def test_dumps_are_plain_python() -> None:
    model = Everything()
    assert type(model.text) is RedisStr
    dumped = model.model_dump()
    plain = {name: type(value) for name, value in dumped.items()}
    assert plain["text"] is str
    assert plain["items"] is list
    assert plain["raw"] is bytes
    assert plain["moment"] is dt.datetime
    assert dumped["address"] == {"street": "Main", "tags": []}


def test_dump_equals_that_of_plain_pydantic() -> None:
    class Plain(BaseModel):
        text: str = "a"
        raw: bytes = b"x"
        flag: bool = True
        moment: dt.datetime = dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc)

    class Stored(AtomicRedisModel):
        text: str = "a"
        raw: bytes = b"x"
        flag: bool = True
        moment: dt.datetime = dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc)

    assert Stored().model_dump_json() == Plain().model_dump_json()


def test_constraints_and_validators_hold() -> None:
    class Checked(AtomicRedisModel):
        age: Annotated[int, Field(ge=0)] = 0
        tags: list[str] = Field(default_factory=list, max_length=2)
        name: str = "x"

        @field_validator("name")
        @classmethod
        def _title(cls, value: str) -> str:
            return value.title()

        @model_validator(mode="after")
        def _limit(self) -> Checked:
            if self.age > 150:
                raise ValueError("too old")
            return self

        @computed_field  # type: ignore[prop-decorator]
        @property
        def label(self) -> str:
            return f"{self.name} ({self.age})"

    model = Checked(name="ada")
    assert model.name == "Ada"
    assert model.label == "Ada (0)"
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        model.age = -1
    with pytest.raises(ValidationError, match="too old"):
        model.age = 200
    assert model.age == 0
    model.age = 3
    with pytest.raises(ValidationError, match="at most 2 items"):
        Checked(tags=["a", "b", "c"])


def test_forward_references_are_converted_when_they_resolve() -> None:
    class Node(AtomicRedisModel):
        later: list[Later] = []
        name: str = "n"

    class Later(BaseModel):
        number: int = 1

    Node.model_rebuild()
    node = Node(later=[Later()])
    assert node.later[0].number.json_path == "$.later[0].number"  # type: ignore[attr-defined]
    assert type(node.name) is RedisStr


class Crate(AtomicRedisModel, Generic[T]):
    content: T
    many: list[T] = []


def test_generics_are_converted_when_parametrised() -> None:
    box = Crate[int](content=1, many=[2])
    assert type(box.content) is RedisInt
    assert box.many[0].json_path == "$.many[0]"  # type: ignore[attr-defined]
    assert box.key.startswith("Crate[int]:")
    assert spec_of(Crate[int]).fields["content"].annotation is int
    with pytest.raises(ValidationError):
        box.many.append("x")  # type: ignore[arg-type]


def test_subclasses_keep_defaults_and_may_redefine_fields() -> None:
    class Child(Everything):
        number: int = 9
        extra: str = "e"

    child = Child()
    assert (child.number, child.text, child.extra) == (9, "a", "e")
    assert (Child.number == 1) if spec_of(Child).fields["number"].index else True
    assert spec_of(Child).fields["address"].annotation is Address


def test_two_models_can_be_combined() -> None:
    class Left(AtomicRedisModel):
        left: int = 1

    class Right(AtomicRedisModel):
        right: list[int] = [2]

    class Both(Left, Right):
        own: str = "o"

    class Mixed(Everything, Address):
        pass

    both = Both()
    assert (both.left, both.right, both.own) == (1, [2], "o")
    assert both.right.json_path == "$.right"  # type: ignore[attr-defined]
    assert Mixed().street.json_path == "$.street"  # type: ignore[attr-defined]


def test_fields_may_be_named_like_methods() -> None:
    with pytest.warns(UserWarning, match="shadows an attribute"):

        class Odd(AtomicRedisModel):
            update: str = "u"
            key_parts: list[str] = []

    odd = Odd()
    assert odd.update == "u"
    odd.update = "v"
    assert odd.update == "v"

    class Child(Odd):
        pass

    assert Child().update == "u"


def test_private_and_class_attributes_are_left_alone() -> None:
    class Model(AtomicRedisModel):
        registry_name: ClassVar[str] = "r"
        _secret: int = 3
        name: str = ""

    model = Model()
    assert (model._secret, Model.registry_name) == (3, "r")
    model._secret = 4
    assert model._secret == 4
    with pytest.raises(ValueError, match="no attribute 'unknown'"):
        model.unknown = 1  # type: ignore[attr-defined]


def test_excluded_fields_stay_plain() -> None:
    class Model(AtomicRedisModel):
        shown: str = "s"
        hidden: str = Field(default="h", exclude=True)

    model = Model()
    assert type(model.hidden) is str
    assert "hidden" not in model.redis_dump_json()


def test_equality_goes_by_fields() -> None:
    assert Everything() == Everything()
    assert Everything() != Everything(number=2)
    assert Everything() != "x"
    touched = Everything()
    touched.items  # noqa: B018
    assert touched == Everything()


def test_copies_have_values_of_their_own() -> None:
    model = Everything()
    model.items, model.key  # noqa: B018
    for copied in (copy.copy(model), copy.deepcopy(model), model.model_copy(deep=True)):
        copied.items = [*copied.items, 2]
        copied.number += 1
        assert copied.key == model.key
        assert copied.items._rapyer_owner is copied  # type: ignore[attr-defined]
    assert model.items == [1]
    assert model.number == 1


def test_instances_and_values_can_be_pickled() -> None:
    model = Everything()
    model.items  # noqa: B018
    loaded = pickle.loads(pickle.dumps(model))
    assert loaded == model
    assert loaded.items.json_path == "$.items"
    assert type(pickle.loads(pickle.dumps(model.moment))) is dt.datetime
    assert type(pickle.loads(pickle.dumps(model.items))) is list


def test_an_inner_model_that_is_used_twice_is_copied() -> None:
    shared = Everything.model_fields["address"].annotation()  # type: ignore[misc]
    one, two = Everything(address=shared), Everything(address=shared)
    one.address.street = "One"
    assert two.address.street == "Main"
    assert (one.address.key, two.address.key) == (one.key, two.key)  # type: ignore[attr-defined]


def test_values_without_a_model_say_so() -> None:
    with pytest.raises(UnlinkedValueError) as raised:
        RedisInt(5).key  # noqa: B018
    assert str(raised.value) == (
        "this RedisInt belongs to no model, so it has no place in Redis; assign it to a model's field and read it from there"
    )


class Keyed(AtomicRedisModel):
    name: Key[str]


class KeyedByClass(AtomicRedisModel):
    name: Annotated[str, KeyAnnotation]


def test_keys() -> None:
    assert Keyed(name="a:b").key == "Keyed:a:b"
    assert isinstance(Keyed(name="x").key, RapyerKey)
    assert KeyedByClass(name="x").pk == "x"
    assert Keyed(name="x").key != Everything().key
    with pytest.raises(InvalidKeyError, match="the key field Keyed.name is empty; give it some text"):
        Keyed.model_construct(name="").key  # noqa: B018
    first, second = Everything(), Everything()
    assert first.key != second.key
    second.pk = first.pk
    assert first.key == second.key


def test_own_key_prefix() -> None:
    class Prefixed(AtomicRedisModel):
        name: str = ""

        @classmethod
        def class_key_initials(cls) -> str:
            return "USR"

    assert Prefixed().key.startswith("USR:")
    assert registry.by_prefix("USR") is Prefixed


def test_names_are_unique_unless_redefinition_is_allowed() -> None:
    registry.allow_redefinition = False

    class Once(AtomicRedisModel):
        pass

    first = Once
    with pytest.raises(DuplicateModelNameError, match="a model class named 'Once' exists already"):

        class Once(AtomicRedisModel):  # type: ignore[no-redef]
            pass

    registry.allow_redefinition = True

    class Once(AtomicRedisModel):  # type: ignore[no-redef]
        pass

    assert registry.by_name("Once") is Once
    assert Once is not first


def test_meta_is_inherited_but_owned() -> None:
    class Parent(AtomicRedisModel):
        Meta = RedisConfig(ttl=60)

    class Child(Parent):
        pass

    class Own(Parent):
        Meta = RedisConfig(max_delete_per_transaction=5)

    assert (Child.Meta.ttl, Own.Meta.ttl, Own.Meta.max_delete_per_transaction) == (60, 60, 5)
    Child.Meta.ttl = 5
    assert (Parent.Meta.ttl, Everything.Meta.ttl) == (60, None)


@pytest.mark.parametrize("bad", [{"ttl": 0}, {"ttl": -1}, {"ttl": 1.5}, {"ttl": "60"}, {"unknown": 1}])
def test_bad_options_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RedisConfig(**bad)


def test_expressions_work_before_anything_is_connected_and_leave_defaults_alone() -> None:
    class Indexed(AtomicRedisModel):
        age: Index[int] = 3

    assert (Indexed.age > 18) is not None

    class Later(Indexed):
        name: str = "x"

    assert Later().age == 3
    assert Indexed().age == 3
    with pytest.raises(AttributeError):
        Indexed.unknown  # type: ignore[attr-defined]  # noqa: B018
