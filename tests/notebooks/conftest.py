"""A place for kernels: an empty Redis, and nothing of this machine's settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.nb.notebook import empty

if TYPE_CHECKING:
    from pathlib import Path


OURS = ("RAPYER_", "REDIS_", "PYTEST_")


@pytest.fixture
def surroundings(rapyer_redis_url: str, tmp_path: Path) -> dict[str, str]:
    """Return the environment of a kernel whose models are in the session's server, which is empty."""
    empty(rapyer_redis_url)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {
        **kept,
        "RAPYER_REDIS_URL": rapyer_redis_url,
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "PYTHONDONTWRITEBYTECODE": "1",  # the notebooks import `course`, which stands beside them
    }
