"""What is offered, and which part of the line it takes the place of."""

from __future__ import annotations

from typing import NamedTuple


class Offer(NamedTuple):
    """One thing to choose.

    Attributes:
        text: What is written if it is chosen.
        kind: What it is, for the icon that a page shows.
    """

    text: str
    kind: str


class Offers(NamedTuple):
    """Things to choose from.

    Attributes:
        fragment: What stands before the cursor already, and is replaced.
        offers: The things; those that do not begin with the fragment are left out later.
    """

    fragment: str
    offers: tuple[Offer, ...]

    @property
    def fitting(self) -> list[Offer]:
        """The things that go on from the fragment, each once."""
        return [one for one in dict.fromkeys(self.offers) if one.text.startswith(self.fragment)]
