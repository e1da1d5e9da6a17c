"""The doctor from the command line: which server it looks at, and how its event loop runs."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import rapyer
from rapyer_nb.doctor import acheck, without_server
from rapyer_nb.server import EmbeddedServerError, project_root, start_embedded
from rapyer_nb.server.places import KEPT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rapyer import AtomicRedisModel
    from rapyer_nb.doctor import Report


def checked(
    url: str | None,
    folder: Path,
    models: Sequence[type[AtomicRedisModel]],
    *,
    sample: int,
    seconds: float,
) -> Report:
    """Look at a server and at models, and return what was found.

    Args:
        url: The server; None for an embedded one: that of the project where there was one, else one for this.
        folder: A directory of the project.
        models: The classes to look at.
        sample: How many keys of each kind are looked at.
        seconds: For how long keys are looked for.
    """
    logging.getLogger("rapyer").addHandler(logging.NullHandler())  # the report says it all
    if url is not None:
        return asyncio.run(_checked(url, models, sample, seconds))
    root = project_root(folder)
    kept = (root / KEPT).is_dir()
    try:
        with start_embedded(root, persistent=kept, shared=kept) as server:
            return asyncio.run(_checked(server.url, models, sample, seconds, kept=kept))
    except EmbeddedServerError as error:
        cure = "name a server: --redis URL, or REDIS_URL"
        return without_server(" ".join(str(error).split()), cure)


async def _checked(
    url: str, models: Sequence[type[AtomicRedisModel]], sample: int, seconds: float, *, kept: bool = True
) -> Report:
    try:
        return await acheck(url, models=models, sample=sample, seconds=seconds, kept=kept)
    finally:
        await rapyer.teardown_rapyer()
