"""A notebook with a form that has every kind of collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser import form_notebook

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """
import os
from typing import Annotated
from pydantic import BaseModel, Field
from rapyer import AtomicRedisModel, Key
from rapyer.config import RedisConfig
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer.types import PriorityQueueItem, RedisPriorityQueue
from rapyer_nb.widgets import edit

registry.bind(ClientSource.from_url(os.environ["RAPYER_REDIS_URL"]))

class Step(BaseModel):
    title: str = "new"
    effort: Annotated[int, Field(ge=0)] = 1
    labels: list[str] = []

class Plan(AtomicRedisModel):
    Meta = RedisConfig(prefer_normal_json_dump=True)
    handle: Key[str] = "ada"
    words: list[str] = [f"word {n}" for n in range(23)]
    steps: list[Step] = [Step(title="dig", labels=["soil"]), Step(title="sow", effort=5), Step(title="reap")]
    limits: dict[str, int] = {"daily": 5, "weekly": 20}
    members: set[int] = set(range(1000, 1050))
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)

plan = Plan()
await plan.asave()
await plan.jobs.apush_many([PriorityQueueItem(f"job {n}", n) for n in range(1, 4)])
"""

CELLS = (MODEL.strip(), "form = edit(plan)\nform", "plan.limits")
FORM, LOCAL = 1, 2


def write(path: Path) -> None:
    """Write the notebook."""
    form_notebook.write(path, CELLS)
