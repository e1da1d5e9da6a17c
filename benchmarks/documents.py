"""The data of the benchmarks: what a document holds, as plain values and as plain pydantic models."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict

MATCHING = 10
"""One of so many documents matches the filter of `afind expr`."""


def wide(number: int = 7) -> dict[str, Any]:
    """Return the values of a model with ten fields."""
    return {
        "name": f"user {number}",
        "email": f"user{number}@example.com",
        "age": number % MATCHING,
        "visits": number,
        "score": 1.5,
        "active": True,
        "tags": ["red", "green", "blue"],
        "limits": {"day": 10, "month": 100},
        "joined": dt.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=dt.timezone.utc),
        "address": {"street": "Main Street 1", "city": "Haifa"},
    }


def narrow(number: int = 7) -> dict[str, Any]:
    """Return the values of a model with three fields."""
    return {"name": f"user {number}", "age": number % MATCHING, "score": 1.5}


class PlainAddress(BaseModel):
    street: str
    city: str


class PlainWide(BaseModel):
    name: str
    email: str
    age: int
    visits: int
    score: float
    active: bool
    tags: list[str]
    limits: dict[str, int]
    joined: dt.datetime
    address: PlainAddress


class PlainNarrow(BaseModel):
    name: str
    age: int
    score: float


class AssignedWide(PlainWide):
    """The same with pydantic's check of assignments, as stored models have."""

    model_config = ConfigDict(validate_assignment=True)


PLAIN: dict[str, type[BaseModel]] = {"10f": PlainWide, "3f": PlainNarrow}
VALUES = {"10f": wide, "3f": narrow}
