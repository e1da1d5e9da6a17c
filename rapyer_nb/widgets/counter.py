"""`counter(user.score)`: a number that is counted up and down in Redis."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets as W
from annotated_types import Ge, Gt, Le, Lt

from rapyer.commands import compute
from rapyer.commands import json as json_commands
from rapyer.errors import CorruptedModelError, NumberRangeError
from rapyer_nb.errors import NotebookError, one_line
from rapyer_nb.widgets import style
from rapyer_nb.widgets.annotations import without_none
from rapyer_nb.widgets.control import button, classed
from rapyer_nb.widgets.following import following
from rapyer_nb.widgets.places import DocumentPlace
from rapyer_nb.widgets.single import SingleControl, located
from rapyer_nb.widgets.stores import local_value, shown

if TYPE_CHECKING:
    from rapyer import AtomicRedisModel
    from rapyer.commands.command import Command
    from rapyer_nb.widgets.form import FieldPlan


@dataclass(frozen=True)
class Bound:
    """The most or the least that a number may be."""

    value: float
    is_open: bool

    def words(self, amount: float) -> str:
        """Return why an amount cannot be added."""
        if self.is_open:
            return f"it must stay {'below' if amount > 0 else 'above'} {self.value:g}"
        return f"it can be {self.value:g} at {'the most' if amount > 0 else 'least'}"


class Counter(SingleControl):
    """A number between two buttons; each click is one atomic step, so no page's clicks are lost."""

    def __init__(self, model: AtomicRedisModel, plan: FieldPlan, place: DocumentPlace, step: float) -> None:
        """Build the control and start to follow the model's key; needs a running event loop.

        Args:
            model: The model.
            plan: What the field is.
            place: Where it is.
            step: What a click adds.
        """
        super().__init__(model, plan)
        self._path = place.path
        self._step = step
        self._sent = 0
        self._turn = asyncio.Lock()
        self._shown: bytes | None = None
        self._unreadable = False
        words = "" if step == 1 else f"{step:g}"
        self._down = classed(button(f"−{words}", f"Subtract {step:g} from {plan.label}"), "rpy-step")
        self._up = classed(button(f"+{words}", f"Add {step:g} to {plan.label}"), "rpy-step")
        self._amount = classed(W.HTML(), "rpy-amount")
        self._down.on_click(lambda _: self.post(self._add, -step))
        self._up.on_click(lambda _: self.post(self._add, step))
        self._show(shown(local_value(model, plan.names)))
        self.enable(False)
        self.start(classed(W.HBox([self._down, self._amount, self._up]), "rpy-counter"))

    @property
    def epoch(self) -> int:
        """How often a click was sent or answered."""
        return self._sent

    def enable(self, on: bool) -> None:
        """Enable the buttons."""
        self._down.disabled = self._up.disabled = not on

    def show_raw(self, raw: bytes, epoch: int) -> None:
        """Show the stored number."""
        text = raw[1:-1]
        if epoch != self._sent:
            return
        try:
            value = self.plan.stored.load(text) if text else None
        except (CorruptedModelError, ValueError, TypeError):
            self.enable(False)
            self._unreadable = True
            self.say("error", "what is stored is no number of this field")
            return
        self.enable(value is not None)
        if self._unreadable:
            self._unreadable = False
            self.say("muted", "")
        if text != self._shown:
            self._shown = text
            self._show(value)
            self.keep(self.plan, text)

    def _show(self, value: Any) -> None:
        words = "null" if value is None else f"{value:,}"
        name = style.safe(self.plan.label)
        self._amount.value = f'<output aria-label="{name}">{style.safe(words)}</output>'

    # Counting -----------------------------------------------------------------------------------------------

    def _add(self, amount: float) -> None:
        if not self._up.disabled:
            self._sent += 1
            self.spawn(self._count(amount))

    async def _count(self, amount: float) -> None:
        bound = bound_of(self.plan, amount)
        try:
            async with self._turn:  # what is said last is about the last click
                await self.send(self._command(amount, bound))
            self.say("muted", "")
        except asyncio.CancelledError:
            raise
        except NumberRangeError as error:
            self.say("warn", bound.words(amount) if bound is not None else one_line(error))
        except Exception as error:  # whatever it is, the user must see it here: nobody else looks
            self.say("error", f"not counted: {one_line(error)}")
        self._sent += 1
        self.refresh()

    def _command(self, amount: float, bound: Bound | None) -> Command[Any]:
        path = self._path
        if bound is None:
            return json_commands.increment(self.key, path, amount)
        return compute.increment_within(self.key, path, amount, bound.value, is_open=bound.is_open)


def bound_of(plan: FieldPlan, amount: float) -> Bound | None:
    """Return the bound of a field in the direction of an amount; None for no bound."""
    closed, opened = (Le, Lt) if amount > 0 else (Ge, Gt)
    found: list[Bound] = []
    for item in plan.spec.info.metadata:
        if isinstance(item, closed):
            found.append(Bound(getattr(item, "le" if amount > 0 else "ge"), is_open=False))
        elif isinstance(item, opened):
            found.append(Bound(getattr(item, "lt" if amount > 0 else "gt"), is_open=True))
    nearest = min if amount > 0 else max
    return nearest(found, key=lambda bound: bound.value) if found else None


def counter(where: Any, of: Any = None, *, step: float = 1) -> Counter:
    """Return a live counter for a number of a stored model: `counter(user.score)`.

    Each click adds or subtracts in Redis, atomically (JSON.NUMINCRBY, in a script that keeps to the bounds of
    the field), so that clicks in several pages all count. Validators of the class are not asked.

    Args:
        where: The number, read from the model, or as `field` takes it: `counter(User.score, user)`,
            `counter(user, "score")`.
        of: The model, or the dotted name of the field.
        step: What a click adds; for an int a whole number.

    Raises:
        NotebookError: It names no number that may be changed, the step is no positive number, or no event
            loop runs.
        UnlinkedValueError: The value belongs to no model, or is an element of a list or dict.
    """
    model, plan = located("counter", where, of)
    kind = without_none(plan.annotation) or plan.annotation
    counts = isinstance(kind, type) and issubclass(kind, int | float) and not issubclass(kind, bool)
    if not counts or not isinstance(plan.place, DocumentPlace):
        raise NotebookError(f"{plan.name} is no number", hint="counter() needs an int or a float")
    if not plan.editable:
        raise NotebookError(f"{plan.name} cannot be changed", hint="it is the key, or frozen")
    place, by = plan.place, _step(step, whole=issubclass(kind, int))
    return following.opened("counter()", lambda: Counter(model, plan, place, by))


def _step(step: Any, *, whole: bool) -> float:
    fits = isinstance(step, int if whole else int | float) and not isinstance(step, bool)
    if not fits or not 0 < step < math.inf:
        wanted = "whole number" if whole else "number"
        raise NotebookError(f"the step is {step!r}", hint=f"give a positive {wanted}")
    return int(step) if whole else float(step)
