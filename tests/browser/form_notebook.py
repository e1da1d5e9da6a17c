"""A notebook with a form that has every kind of field."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MODEL = '''
import datetime as dt, enum, os
from typing import Annotated, Literal, Optional
from pydantic import BaseModel, Field
from rapyer import AtomicRedisModel, Key
from rapyer.config import RedisConfig
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer_nb.widgets import edit

registry.bind(ClientSource.from_url(os.environ["RAPYER_REDIS_URL"]))

class Role(enum.Enum):
    guest = "g"
    owner = "o"

class Address(BaseModel):
    city: str = "Paris"
    zip: int = 75001

class Person(AtomicRedisModel):
    """A person."""
    Meta = RedisConfig(prefer_normal_json_dump=True)
    handle: Key[str] = "ada"
    name: Annotated[str, Field(min_length=2, description="The full name")] = "Ada"
    age: Annotated[int, Field(ge=0, le=120, json_schema_extra={"widget": "number"})] = 36
    score: float = 1.5
    active: bool = True
    role: Role = Role.guest
    plan: Literal["free", "paid"] = "free"
    joined: dt.datetime = dt.datetime(2024, 5, 17, 9, 30)
    seen: dt.datetime = dt.datetime(2024, 5, 17, 9, 30, tzinfo=dt.timezone.utc)
    nickname: Optional[str] = None
    tags: list[str] = ["early", "admin"]
    numbers: list[int] = [3, 5]
    settings: dict[str, str] = {"theme": "<b>dark</b>", "language": "fr"}
    photo: bytes = b"x" * 2048
    address: Address = Address()
    second_home: Optional[Address] = None

person = Person()
await person.asave()
'''

CELLS = (
    MODEL.strip(),
    "form = edit(person)\nform",
    "person.name, person.age",
    "from rapyer_nb.widgets.following import following\nprint(len(following), 'form')",
)
FORM, LOCAL, COUNT = 1, 2, 3


def write(path: Path, sources: Sequence[str] = CELLS) -> None:
    """Write the notebook, or another one with these cells."""
    cells = [
        {
            "id": f"cell-{number}",
            "cell_type": "code",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(sources)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}
    path.write_text(json.dumps(notebook))
