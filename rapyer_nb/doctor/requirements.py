"""What a distribution says that it needs, as far as that counts on this machine."""

from __future__ import annotations

import ast
import importlib.metadata
import operator
import platform
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_LINE: Final = re.compile(r"(?P<name>[\w.-]+)\s*\(?(?:>=\s*(?P<least>[\w.]+))?[^;]*(?:;\s*(?P<marker>.+))?")
_COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """A package that is needed, or optional.

    Attributes:
        name: Its name.
        least: The oldest version that will do; empty for any.
    """

    name: str
    least: str

    @property
    def installed(self) -> str:
        """The version that is installed; empty for none."""
        return installed(self.name)

    @property
    def is_old(self) -> bool:
        """Whether what is installed is older than what is needed."""
        return bool(self.installed) and numbers(self.installed) < numbers(self.least)


def installed(name: str) -> str:
    """Return the version of a distribution that is installed; empty for none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def requirements(extra: str = "", distribution: str = "rapyer-nb") -> Iterator[Requirement]:
    """Yield what a distribution needs on this machine, or what one of its extras adds to that.

    Args:
        extra: The extra; empty for what is always needed.
        distribution: The distribution.
    """
    always = set() if not extra else set(_applying("", distribution))
    yield from (one for one in _applying(extra, distribution) if one not in always)


def _applying(extra: str, distribution: str) -> Iterator[Requirement]:
    for line in importlib.metadata.requires(distribution) or ():
        match = _LINE.match(line)
        if match is not None and applies(match["marker"] or "", extra):
            yield Requirement(match["name"], match["least"] or "")


def numbers(version: str) -> tuple[int, ...]:
    """Return a version as numbers that can be compared."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def applies(marker: str, extra: str = "") -> bool:
    """Tell whether a marker such as `sys_platform == 'linux'` holds here; one that is not understood does.

    Args:
        marker: The marker; empty for none.
        extra: The extra that is asked for.
    """
    here = {
        "extra": extra,
        "sys_platform": sys.platform,
        "platform_machine": platform.machine(),
        "platform_system": platform.system(),
        "python_version": ".".join(map(str, sys.version_info[:2])),
    }
    try:
        return not marker or _holds(ast.parse(marker, mode="eval").body, here)
    except (SyntaxError, KeyError, AttributeError, TypeError):
        return True


def _holds(node: Any, here: Mapping[str, str]) -> bool:
    if isinstance(node, ast.BoolOp):
        whole = all if isinstance(node.op, ast.And) else any
        return whole([_holds(part, here) for part in node.values])
    left, right = (
        here[side.id] if isinstance(side, ast.Name) else str(side.value)
        for side in (node.left, node.comparators[0])
    )
    compare = _COMPARISONS[type(node.ops[0])]
    of_version = isinstance(node.left, ast.Name) and node.left.id == "python_version"
    return compare(numbers(left), numbers(right)) if of_version else compare(left, right)
