"""A notebook with a form that has references."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser import form_notebook

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """
import os
from typing import Optional
from rapyer import AtomicRedisModel, Key
from rapyer.fields import Index
from rapyer.config import RedisConfig
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer.types import Reference
from rapyer_nb.widgets import edit

registry.bind(ClientSource.from_url(os.environ["RAPYER_REDIS_URL"]))

class Writer(AtomicRedisModel):
    Meta = RedisConfig(prefer_normal_json_dump=True)
    handle: Key[str]
    name: Index[str] = ""
    born: int = 1900

class Novel(AtomicRedisModel):
    handle: Key[str] = "n1"
    title: str = "Notes"
    author: Reference[Writer] = Reference("Writer:ada")
    editor: Optional[Reference[Writer]] = None
    reviewer: Reference[Writer] = Reference("Writer:nobody")
    known: list[Reference[Writer]] = ["Writer:ada", "Writer:grace"]

for handle, name, born in [("ada", "Ada", 1815), ("grace", "Grace", 1906), ("edsger", "Edsger", 1930)]:
    await Writer(handle=handle, name=name, born=born).asave()
await Writer.acreate_index()
novel = Novel()
await novel.asave()
"""

CELLS = (MODEL.strip(), "form = edit(novel)\nform", "novel.author.target_key")
FORM, LOCAL = 1, 2


def write(path: Path) -> None:
    """Write the notebook."""
    form_notebook.write(path, CELLS)
