"""Two distributions provide the import name `rapyer`; this notices the other one."""

from __future__ import annotations

import importlib.metadata
import warnings


class DistributionConflictWarning(UserWarning):
    """Another distribution that provides `rapyer` is installed beside this one."""


def warn_of_conflict() -> None:
    """Warn if the other distribution is installed too: the files of the two overwrite each other."""
    try:
        version = importlib.metadata.version("rapyer")
    except importlib.metadata.PackageNotFoundError:
        return
    warnings.warn(
        f"both rapyer-nb and rapyer {version} are installed, and both provide the package `rapyer`: "
        "run `pip uninstall rapyer`, then `pip install --force-reinstall --no-deps rapyer-nb`",
        DistributionConflictWarning,
        stacklevel=3,
    )
