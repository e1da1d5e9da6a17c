"""What a project and the environment say of its notebooks.

The project's `pyproject.toml` may have a table for the toolkit, and a variable of the environment goes before
what stands there:

    [tool.rapyer_nb]
    url = "$STAGING_REDIS_URL"      # or RAPYER_REDIS_URL, REDIS_URL
    ttl = 3600                      # or RAPYER_NB_TTL
    display_limit = 50              # or RAPYER_NB_DISPLAY_LIMIT; so for all options of %config RapyerMagics

    [tool.rapyer_nb.connections]
    archive = "redis://archive.internal:6379/0"
    test = "$TEST_REDIS_URL"

A URL that is `$NAME` is taken from that variable when it is needed, so that no password need be in the file.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rapyer.config import checked_ttl
from rapyer_nb.errors import NotebookError
from rapyer_nb.server import project_root

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILE: Final = "pyproject.toml"
PREFIX: Final = "RAPYER_NB_"
PROGRAM: Final = "init_rapyer"
"""The name of the connection that the program made itself."""

NAME: Final = re.compile(r"[^\W\d][\w.-]*")
"""What a connection may be called: so it is never taken for a URL or an option."""

_VARIABLE: Final = re.compile(r"\$([A-Za-z_]\w*)|\$\{([A-Za-z_]\w*)\}")


class SettingsWarning(UserWarning):
    """A setting of the project or the environment is wrong, and counts for nothing."""


@dataclass(frozen=True)
class Settings:
    """The settings of a project's notebooks.

    Args:
        url: The server that notebooks use where the environment names none.
        ttl: Seconds after which what is stored through the connection `default` expires.
        connections: More servers by name, as URLs or names of variables.
        options: What else is in the file: values for the options of `%config RapyerMagics`, not yet checked.
        problems: What is wrong in the file or the environment; that part of it counts for nothing.
    """

    url: str | None = field(default=None, repr=False)
    ttl: int | None = None
    connections: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read_settings(directory: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of a directory's project, and those of the environment; nothing is connected to.

    Args:
        directory: The directory; by default the current one.
        environment: The variables.
    """
    reader = _Reader()
    table = reader.table(project_root(directory or Path.cwd()) / FILE)
    url = reader.taken(table, "url", "a text", _text)
    ttl = reader.taken(table, "ttl", "a positive number of seconds", _seconds)
    connections = reader.connections(table.pop("connections", {}))
    if said := environment.get(f"{PREFIX}TTL"):
        try:
            ttl = _seconds(int(said))
        except ValueError:
            reader.problems.append(f"{PREFIX}TTL is no positive number of seconds")
    return Settings(url, ttl, connections, table, tuple(reader.problems))


def resolved(url: str, origin: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return a URL that a file gives, or the value of the variable that stands in its place.

    Args:
        url: The URL, `$NAME` or `${NAME}`.
        origin: Where it stands, for the error.
        environment: The variables.

    Raises:
        NotebookError: The variable is not set.
    """
    match = _VARIABLE.fullmatch(url)
    if match is None:
        return url
    name = match[1] or match[2]
    if value := environment.get(name):
        return value
    raise NotebookError(
        f"{name} is not set, from which {origin} takes a URL", hint=f"set {name}, or use %rapyer_connect URL"
    )


class _Reader:
    """Takes settings out of a table, and notes what is wrong with them, without their values."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def table(self, path: Path) -> dict[str, Any]:
        """Return the toolkit's table in a file; an empty one where there is none."""
        try:
            parsed = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.problems.append(f"{FILE} cannot be read: {error.strerror}")
            return {}
        except ValueError:  # what is wrong would show a part of the line
            self.problems.append(f"{FILE} is no valid TOML; its settings are not used")
            return {}
        found = parsed.get("tool", {})
        found = found.get("rapyer_nb", {}) if isinstance(found, dict) else {}
        return dict(found) if self._is_table(found, "[tool.rapyer_nb]") else {}

    def taken(self, table: dict[str, Any], name: str, kind: str, check: Callable[[Any], Any]) -> Any:
        """Take a setting out of the table; None where it is missing or wrong."""
        value = table.pop(name, None)
        try:
            return None if value is None else check(value)
        except ValueError:
            self.problems.append(f"{FILE}: [tool.rapyer_nb] {name} is not {kind}")
            return None

    def connections(self, given: Any) -> dict[str, str]:
        """Return the named connections, without those that are wrong."""
        if not self._is_table(given, "[tool.rapyer_nb.connections]"):
            return {}
        good: dict[str, str] = {}
        for name, url in given.items():
            if not NAME.fullmatch(name) or name == PROGRAM:
                self.problems.append(f"{FILE}: a connection cannot be called {name!r}")
            elif not isinstance(url, str):
                self.problems.append(f"{FILE}: the URL of the connection {name!r} is not a text")
            else:
                good[name] = url
        return good

    def _is_table(self, value: Any, name: str) -> bool:
        if isinstance(value, dict):
            return True
        self.problems.append(f"{FILE}: {name} is not a table")
        return False


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _seconds(value: Any) -> int:
    return checked_ttl(value)
