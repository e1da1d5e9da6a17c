"""The stored models of the benchmarks. Its annotations are no strings, which rapyer 1.3.6 cannot convert."""

import datetime as dt

from pydantic import BaseModel

from rapyer import AtomicRedisModel
from rapyer.fields import Index


class Address(BaseModel):
    street: str
    city: str


class BenchWide(AtomicRedisModel):
    name: str
    email: str
    age: Index[int]
    visits: int
    score: float
    active: bool
    tags: list[str]
    limits: dict[str, int]
    joined: dt.datetime
    address: Address


class BenchNarrow(AtomicRedisModel):
    name: str
    age: Index[int]
    score: float


MODELS: dict[str, type[AtomicRedisModel]] = {"10f": BenchWide, "3f": BenchNarrow}
