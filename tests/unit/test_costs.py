"""What operations cost where no server takes part, in figures that do not depend on the machine."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from rapyer import AtomicRedisModel
from rapyer.model.load import from_document
from rapyer.model.persist import dump_document
from rapyer.types import RedisList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class CostAddress(BaseModel):
    street: str = "Main"
    city: str = "Haifa"


class CostUser(AtomicRedisModel):
    name: str = "Ada"
    age: int = 30
    score: float = 1.5
    active: bool = True
    tags: list[str] = ["a", "b"]
    limits: dict[str, int] = {"day": 1}
    address: CostAddress = CostAddress()


class CostPlain(BaseModel):
    name: str = "Ada"
    age: int = 30
    score: float = 1.5
    active: bool = True
    tags: list[str] = ["a", "b"]
    limits: dict[str, int] = {"day": 1}
    address: CostAddress = CostAddress()


class CostNumbers(AtomicRedisModel):
    numbers: list[int] = []


VALUES = CostPlain().model_dump()
DOCUMENT = CostPlain().model_dump_json().encode()


@pytest.fixture
def _quiet_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def tracked_by(make: Callable[[], Any], count: int = 200) -> float:
    """Return how many objects the collector tracks for each one that is made."""
    make()
    gc.collect()
    before = len(gc.get_objects())
    kept = [make() for _ in range(count)]
    return (len(gc.get_objects()) - before - 1) / len(kept)


def bytes_of(make: Callable[[], Any], count: int = 1000) -> float:
    """Return how much memory each of the objects takes that are made."""
    make()
    tracemalloc.start()
    kept = [make() for _ in range(count)]
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return used / len(kept)


def python_calls(operation: Callable[[], Any]) -> int:
    """Return how many Python functions one run of an operation calls."""
    operation()
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        operation()
    finally:
        sys.setprofile(None)
    return calls - 1


def loaded() -> CostUser:
    return from_document(CostUser, "CostUser:1", DOCUMENT)


def plain() -> CostPlain:
    return CostPlain.__pydantic_validator__.validate_json(DOCUMENT)  # type: ignore[no-any-return]


@pytest.mark.usefixtures("_quiet_collector")
def test_a_loaded_instance_has_as_many_tracked_objects_as_a_plain_one() -> None:
    assert tracked_by(loaded) <= tracked_by(plain) + 0.1


@pytest.mark.usefixtures("_quiet_collector")
def test_untouched_instances_leave_no_cyclic_garbage() -> None:
    kept = [loaded() for _ in range(1000)]
    gc.collect()
    del kept
    assert gc.collect() == 0


def test_a_loaded_instance_takes_the_memory_of_a_plain_one() -> None:
    key = 60  # the primary key, which a plain model does not have
    assert bytes_of(loaded) <= 1.15 * bytes_of(plain) + key


def test_a_constructed_instance_takes_the_memory_of_a_plain_one() -> None:
    ours, theirs = bytes_of(lambda: CostUser(**VALUES)), bytes_of(lambda: CostPlain(**VALUES))
    assert ours <= 1.15 * theirs


def test_ten_thousand_numbers_are_no_objects_of_their_own() -> None:
    text = CostNumbers(numbers=list(range(10_000))).model_dump_json().encode()
    model = from_document(CostNumbers, "CostNumbers:1", text)
    CostNumbers(numbers=[1]).numbers  # noqa: B018 - the class's plan of the field is made once, at the first read
    gc.collect()
    before = len(gc.get_objects())
    numbers = model.numbers
    assert isinstance(numbers, RedisList)
    assert len(gc.get_objects()) - before < 10
    assert {type(number) for number in list(numbers)} == {int}


@pytest.mark.usefixtures("_quiet_collector")
@pytest.mark.parametrize(
    ("operation", "most"),
    [
        pytest.param(lambda user: user.name, 0, id="read again"),
        pytest.param(lambda user: CostUser(**VALUES), 1, id="construct"),
        pytest.param(lambda user: setattr(user, "age", 3), 3, id="assign"),
        pytest.param(lambda user: loaded(), 8, id="load a document"),
        pytest.param(dump_document, 4, id="dump a document"),
        pytest.param(lambda user: user.tags.append("x"), 12, id="list.append"),
        pytest.param(lambda user: user.limits.__setitem__("day", 2), 16, id="dict[key] = value"),
    ],
)
def test_operations_call_few_python_functions(operation: Callable[[CostUser], Any], most: int) -> None:
    user = CostUser()
    calls = python_calls(lambda: operation(user)) - 1
    assert calls <= most, calls


@pytest.mark.usefixtures("_quiet_collector")
def test_inner_models_are_made_by_the_core_alone() -> None:
    schema = CostUser.__pydantic_fields__["address"].annotation
    assert schema is not None
    assert schema.__pydantic_post_init__ is None
    assert not schema.__pydantic_custom_init__
