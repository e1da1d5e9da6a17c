"""What the notebook is connected to, as a line."""

from __future__ import annotations

from dataclasses import dataclass

from rapyer_nb.views.brief import printable
from rapyer_nb.views.markup import Markup, element, joined
from rapyer_nb.views.view import View


@dataclass(frozen=True, repr=False)
class Connection(View):
    """A connection, without any password.

    Args:
        address: The URL, masked.
        origin: How it was chosen.
        version: The version of Redis, if it was asked for.
        missing: The modules that the library needs and the server has not.
    """

    address: str
    origin: str
    version: str = ""
    missing: tuple[str, ...] = ()

    def text(self) -> str:
        """Return a line such as `redis://localhost:6379/0 · Redis 8.2.3 · from REDIS_URL`."""
        return " · ".join(printable(part) for part in (self.address, *self._remarks()))

    def body(self) -> Markup:
        """Return the same line, with the address as code."""
        remarks = [element("span", f" · {part}", class_="rapyer-faint") for part in self._remarks()]
        return element("p", joined(element("code", self.address), *remarks))

    def _remarks(self) -> list[str]:
        remarks = [f"Redis {self.version}"] if self.version else []
        if self.missing:
            remarks.append(f"⚠ without {' and '.join(self.missing)}")
        return [*remarks, f"from {self.origin}"]
