"""The user's variables, where a magic stands."""

from __future__ import annotations

from collections import ChainMap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping


class Variables(ChainMap[str, Any]):
    """The variables that a magic sees.

    Args:
        maps: The variables, local ones first.
        hidden: What is among them without the user having made it, by name; of IPython `open`, `In`, `exit`.
    """

    def __init__(self, *maps: MutableMapping[str, Any], hidden: Mapping[str, Any] | None = None) -> None:
        super().__init__(*maps)
        self._hidden = hidden or {}

    def own(self) -> dict[str, Any]:
        """Return those that the user has made."""
        return {
            name: value
            for name, value in self.items()
            if name not in self._hidden or self._hidden[name] is not value
        }


def own_names(variables: Mapping[str, Any]) -> list[str]:
    """Return the names of the variables that the user has made, to be suggested; none with an underscore."""
    own = variables.own() if isinstance(variables, Variables) else variables
    return [name for name in own if not name.startswith("_")]
