"""When the object of a form ends: what the form says of it, and the line in which it is changed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import ipywidgets as W

from rapyer.commands import keys
from rapyer.config import MOST_SECONDS
from rapyer.model.registry import registry
from rapyer.session.executor import perform_now
from rapyer.session.using import using
from rapyer_nb.views.objects import span
from rapyer_nb.widgets.control import button, classed
from rapyer_nb.widgets.style import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from rapyer import AtomicRedisModel
    from rapyer.commands.command import Command
    from rapyer.session.clients import ClientSource

_NEVER: Final = -1
_MISSING: Final = -2
_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Life:
    """How long an object had left when it was read.

    Attributes:
        left: Seconds; None where it never ends.
        read_at: When that was, by the monotonic clock, in seconds.
    """

    left: float | None
    read_at: float

    @property
    def remaining(self) -> float | None:
        """The seconds that are left now; None where it never ends."""
        return None if self.left is None else max(0.0, self.left - (time.monotonic() - self.read_at))

    @property
    def is_over(self) -> bool:
        """Whether its end has come."""
        return self.remaining == 0.0

    def html(self) -> str:
        """Return the words for the head of the form; the page counts them down."""
        left = self.remaining
        if left is None:
            return '<span class="rpy-life rpy-muted">no expiry</span>'
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() + left))
        # A timer is not read aloud each second, as a status would be.
        return (
            f'<span class="rpy-life" title="until {at}">ends in '
            f'<span role="timer" data-rpy-left="{round(left * 1000)}">{safe(span(left))}</span></span>'
        )


def reads(key: str) -> tuple[Command[Any], ...]:
    """Return the command that asks how long a key has left (PTTL)."""
    return (keys.time_left(key),)


def life(milliseconds: int) -> Life | None:
    """Return what PTTL told; None where there is no such key."""
    if milliseconds == _MISSING:
        return None
    return Life(None if milliseconds == _NEVER else milliseconds / 1000, time.monotonic())


class ExpiryLine:
    """The line in which the user lets the object live longer, end, or stay for ever.

    Args:
        model: The object; the keys of its sets and queues get the same end.
        source: Where it is stored.
        run: Runs a coroutine that changes the end, and tells of its failure; its first argument says what
            was done, for the user.
        post: Runs a function on the form's loop.
    """

    def __init__(
        self,
        model: AtomicRedisModel,
        source: ClientSource,
        run: Callable[[str, Coroutine[Any, Any, Any]], None],
        post: Callable[..., None],
    ) -> None:
        self._model = model
        self._source = source
        self._run = run
        ttl = registry.ttl_of(type(model))
        self._seconds = W.BoundedIntText(
            ttl or _HOUR,
            min=1,
            max=MOST_SECONDS,
            description="seconds from now",
            tooltip="Seconds from now until the object ends",
            style={"description_width": "initial"},
        )
        self._set = button("Expire in", "Let the object end after these seconds")
        self._keep = button("Persist", "Let the object never end")
        self._set.on_click(lambda _: post(self._given))
        self._keep.on_click(lambda _: post(self._persist))
        buttons = [self._set, self._keep]
        if ttl is not None:
            renew = button(f"Extend to {span(ttl)}", "Start the time to live of its class anew")
            renew.on_click(lambda _: post(self._of_class))
            buttons.insert(1, renew)
        self._buttons = tuple(buttons)
        self.widget = classed(
            W.HBox([classed(self._seconds, "rpy-seconds"), *buttons]), "rpy-line", "rpy-expiry"
        )
        self.hide()

    @property
    def is_open(self) -> bool:
        """Whether it is shown."""
        return bool(self.widget.layout.display != "none")

    def open(self) -> None:
        """Show it."""
        self.widget.layout.display = None

    def hide(self) -> None:
        """Show it no more."""
        self.widget.layout.display = "none"

    def show(self, life: Life | None) -> None:
        """Offer what can be done; nothing where the object is not stored."""
        endless = life is None or life.left is None
        self._set.description = "Expire in these" if endless else "Extend to these"
        for one in (self._seconds, *self._buttons):
            one.disabled = life is None
        self._keep.disabled = endless

    def _given(self) -> None:
        seconds = int(self._seconds.value)
        self._run(f"ends in {span(seconds)}", self._end_in(seconds))

    def _of_class(self) -> None:
        self._run("its time to live starts anew", self._renew())

    def _persist(self) -> None:
        self._run("never ends", self._persisted())

    async def _end_in(self, seconds: int) -> None:
        with using(self._source):
            await self._model.aset_ttl(seconds)

    async def _renew(self) -> None:
        with using(self._source):
            await self._model.refresh_ttl()

    async def _persisted(self) -> None:
        await perform_now(self._source, *(keys.persist(key) for key in self._model.all_keys))
