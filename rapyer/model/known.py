"""What an instance knows of its companions on the server: the members seen there when it was loaded or saved.

Saving sends only what differs from that, so members which others added, and which the instance has never
seen, stay.
"""

from __future__ import annotations

from typing import Any


class Known:
    """The members of companions that are known to be stored under one key.

    Attributes:
        key: The key of the model; under another one nothing is known.
        members: For each companion that is known to be there, by its path, the members that are.
        inline: Which of them are not there in truth, but in the document, where another implementation put
            them.
    """

    __slots__ = ("_own", "inline", "key", "members")

    def __init__(self, key: str, members: dict[tuple[str, ...], set[Any]] | None = None) -> None:
        self.key = key
        self.members = members or {}
        self.inline: set[tuple[str, ...]] = set()
        self._own: set[tuple[str, ...]] = set()

    def note(self, path: tuple[str, ...], members: set[Any] | None) -> None:
        """Remember the members of a companion; None for one that is not there.

        The set may be one that the instance holds, too: it is copied before it changes.
        """
        self._own.discard(path)
        self.inline.discard(path)
        if members is None:
            self.members.pop(path, None)
        else:
            self.members[path] = members

    def own(self, path: tuple[str, ...]) -> set[Any]:
        """Return the members of a companion as a set that may be changed."""
        self.inline.discard(path)
        if path not in self._own:
            self._own.add(path)
            self.members[path] = set(self.members.get(path, ()))
        return self.members[path]

    def copy(self) -> Known:
        """Return a copy that changes on its own."""
        copied = Known(self.key, {path: set(members) for path, members in self.members.items()})
        copied.inline = set(self.inline)
        return copied

    def take(self, other: Known, path: tuple[str, ...]) -> None:
        """Take over what another instance knows of what a path leads to."""
        for known in [known for known in self.members if known[: len(path)] == path]:
            self.note(known, None)
        for below, members in other.members.items():
            self.note((*path, *below), members)
        self.inline |= {(*path, *below) for below in other.inline}
