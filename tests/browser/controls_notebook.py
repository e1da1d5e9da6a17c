"""A notebook with a form that has every kind of control for a single value."""

from __future__ import annotations

MODEL = '''
import datetime as dt, enum, os, uuid
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Optional
from pydantic import AnyUrl, BaseModel, Field, SecretStr, computed_field
from rapyer import AtomicRedisModel, Key, SafeLoad
from rapyer.config import RedisConfig
from rapyer.fields import GeoPoint, Index
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer_nb.widgets import edit

registry.bind(ClientSource.from_url(os.environ["RAPYER_REDIS_URL"]))

class Shade(enum.Enum):
    light = "l"
    dark = "d"

class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9

class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    call: str = "wow"

Percent = Annotated[int, Field(ge=0, le=100)]

class Gadget(AtomicRedisModel):
    """A thing with one field of each kind."""
    Meta = RedisConfig(prefer_normal_json_dump=True)
    handle: Key[str] = "g1"
    name: Annotated[str, Field(title="Name", description="What it is called", examples=["Ada"])] = "Ada"
    notes: Annotated[str, Field(max_length=500)] = "one\\ntwo"
    pin: SecretStr = SecretStr("hush-hush")
    count: int = 3
    huge: int = 2**60 + 1
    percent: Percent = 40
    ratio: Annotated[float, Field(ge=0, le=1)] = 0.5
    weight: float = 1.5
    price: Decimal = Decimal("1.10")
    active: bool = True
    sure: Optional[bool] = None
    shade: Shade = Shade.light
    size: Annotated[Literal["s", "m", "l"], Field(json_schema_extra={"widget": "radio"})] = "m"
    plan: Annotated[Literal["free", "paid"], Field(json_schema_extra={"widget": "toggle"})] = "free"
    letters: list[Literal["a", "b", "c"]] = ["b"]
    span: tuple[Percent, Percent] = (10, 20)
    place: Index[GeoPoint] = GeoPoint(2.5, 48.5)
    born: dt.date = dt.date(2024, 5, 17)
    wakes: dt.time = dt.time(7, 30, 1)
    seen: dt.datetime = dt.datetime(2024, 5, 17, 9, 30, tzinfo=dt.timezone.utc)
    lasts: dt.timedelta = dt.timedelta(days=1, hours=2)
    photo: bytes = b"x" * 2048
    ident: uuid.UUID = uuid.UUID(int=5)
    path: Path = Path("/tmp/a")
    site: AnyUrl = AnyUrl("http://a.example/")
    colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = "#102030"
    nickname: Optional[str] = None
    pet: Cat | Dog = Field(Cat(), discriminator="kind")
    either: int | str = 3
    matrix: Annotated[list[list[int]], Field(json_schema_extra={"widget": "json"})] = [[1, 2], [3]]
    story: str = "It was a dark and stormy night. " * 90
    unread: SafeLoad[Shade | None] = None
    anything: Any = {"deep": list(range(40))}
    vector: Annotated[list[float], Index(dim=12)] = [0.5] * 12

    @computed_field
    @property
    def twice(self) -> int:
        return self.count * 2

gadget = Gadget()
await gadget.asave()
'''

CELLS = (MODEL.strip(), "form = edit(gadget)\nform")
FORM = 1
