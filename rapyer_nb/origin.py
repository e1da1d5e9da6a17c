"""Two distributions provide the import name `rapyer`; the toolkit works with one of them."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def check_origin() -> None:
    """Refuse to go on where Python finds another package `rapyer` than the one of this distribution.

    Raises:
        ImportError: It does.
    """
    found = importlib.util.find_spec("rapyer")
    directory = Path(found.origin).parent if found is not None and found.origin is not None else None
    if directory is None or not (directory / "distribution.py").exists():
        raise ImportError(
            "rapyer_nb needs the package `rapyer` of rapyer-nb, but Python finds "
            + (f"another one in {directory}: " if directory else "none: ")
            + "run `pip uninstall rapyer`, then `pip install --force-reinstall --no-deps rapyer-nb`"
        )
