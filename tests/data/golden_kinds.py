"""Models whose documents in `golden_kinds.json` rapyer 1.3.6 wrote, run as a black box on this very module.

Without postponed annotations, which that package does not resolve.
"""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import pathlib
import uuid
from typing import Any, Literal, NamedTuple, Optional, Union

from pydantic import BaseModel
from typing_extensions import TypedDict

from rapyer import AtomicRedisModel


class Tint(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1


@dataclasses.dataclass
class Dot:
    x: int = 1
    tint: Tint = Tint.RED


class Options(TypedDict):
    size: int
    tint: Tint


class Span(NamedTuple):
    start: int = 0
    tint: Tint = Tint.RED


class House(BaseModel):
    street: str = "Main"
    tint: Tint = Tint.RED
    flags: list[bool] = [True]


class GoldenKinds(AtomicRedisModel):
    tint: Tint = Tint.RED
    size: Size = Size.SMALL
    choice: Literal["a", 1] = "a"
    number: uuid.UUID = uuid.UUID(int=7)
    price: decimal.Decimal = decimal.Decimal("1.50")
    path: pathlib.PurePosixPath = pathlib.PurePosixPath("/a/b")
    day: dt.date = dt.date(2024, 1, 2)
    clock: dt.time = dt.time(1, 2, 3)
    span: dt.timedelta = dt.timedelta(days=1, microseconds=5)
    pair: tuple[int, Tint] = (1, Tint.BLUE)
    frozen: frozenset[str] = frozenset({"a"})
    dot: Dot = Dot()
    options: Options = {"size": 1, "tint": Tint.BLUE}
    named: Span = Span()
    address: ipaddress.IPv4Address = ipaddress.IPv4Address("1.2.3.4")
    queue: collections.deque[int] = collections.deque([1])
    ratio: fractions.Fraction = fractions.Fraction(1, 3)
    anything: Any = {"a": [1, 2.5, None, "x"]}
    moment: Any = dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc)
    thing: object = (1, "a")
    kind: type = int
    maybe: Optional[Tint] = None  # noqa: UP045
    given: Optional[Tint] = Tint.BLUE  # noqa: UP045
    maybe_flag: Optional[bool] = True  # noqa: UP045
    raw: Optional[bytes] = b"x"  # noqa: UP045
    tints: list[Tint] = [Tint.RED, Tint.BLUE]
    flags: list[bool] = [True, False]
    any_list: list[Any] = [1, "a", None, [2], {"k": True}]
    bare_list: list = ["a", 1]  # type: ignore[type-arg]
    deep_list: list[list[Any]] = [[1, None]]
    optional_ints: list[Optional[int]] = [1, None]  # noqa: UP045
    optional_list: Optional[list[Any]] = [1, "a"]  # noqa: UP045
    mixed: dict[str, Union[int, str]] = {"a": 1, "b.c": "x"}  # noqa: UP007
    bare_dict: dict = {"a": 1}  # type: ignore[type-arg]
    by_tint: dict[Tint, int] = {Tint.RED: 1}
    tint_by: dict[str, Tint] = {"a": Tint.BLUE}
    pairs: list[tuple[int, int]] = [(1, 2)]
    raws: dict[str, bytes] = {"a": b"x"}
    houses: list[Optional[House]] = [House(tint=Tint.BLUE), None]  # noqa: UP045
    house: House = House()
    either: Union[Tint, int] = Tint.BLUE  # noqa: UP007
    house_or_int: Union[House, int] = House()  # noqa: UP007


class GoldenJson(AtomicRedisModel):
    """Written with `prefer_normal_json_dump`."""

    tint: Tint = Tint.RED
    size: Size = Size.SMALL
    choice: Literal["a", 1] = "a"
    number: uuid.UUID = uuid.UUID(int=7)
    price: decimal.Decimal = decimal.Decimal("1.50")
    day: dt.date = dt.date(2024, 1, 2)
    pair: tuple[int, Tint] = (1, Tint.BLUE)
    frozen: frozenset[str] = frozenset({"a"})
    flag: bool = True
    dot: Dot = Dot()
    anything: Any = {"a": [1, 2.5, None, "x"]}
    house: House = House()
