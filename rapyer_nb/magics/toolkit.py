"""The object that holds everything the extension adds to one shell: its options, its state, its magics."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar, cast

from IPython.core.magic import Magics, magics_class, needs_local_scope, no_var_expand
from IPython.display import display
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from traitlets import Bool, Enum, Int, TraitError

from rapyer.errors import RapyerError
from rapyer_nb.assigning import Storing
from rapyer_nb.bridge import BRIDGE_MODES, Bridge
from rapyer_nb.errors import NotebookError, is_short, lengthen, one_line, shorten, suggestion
from rapyer_nb.interrupts import Interrupted, waking
from rapyer_nb.magics import MAGICS
from rapyer_nb.magics.magic import FORMS, AsyncMagic, Call, Surroundings
from rapyer_nb.parsing import Variables
from rapyer_nb.settings import FILE, PREFIX
from rapyer_nb.views.results import DISPLAY_LIMIT

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Coroutine, Mapping, MutableMapping
    from contextlib import AbstractContextManager
    from types import FrameType

    from rapyer.session.clients import ClientSource

Result = TypeVar("Result")

_SHOWN_SHORT = (NotebookError, RapyerError, RedisError)


@magics_class
class RapyerMagics(Magics):
    """The magics of rapyer_nb; `%config RapyerMagics` shows and sets their options."""

    bridge = Enum(
        BRIDGE_MODES,
        default_value="auto",
        help="How magics run in synchronous code while a loop is running: auto takes the first way that "
        "works, nest makes the loop re-entrant, thread uses another one with its own client, off refuses.",
    ).tag(config=True)
    short_errors = Bool(
        True, help="Show mistakes as one line that says what to do; %tb then shows the traceback."
    ).tag(config=True)
    display_limit = Int(
        DISPLAY_LIMIT, min=1, help="The most rows of a result that are shown; the value has all of them."
    ).tag(config=True)
    default_form = Enum(
        FORMS, default_value=FORMS[0], help="What the value of %rapyer_find is where --as does not say it."
    ).tag(config=True)
    feedback = Bool(
        True, help="Tell in a line what a magic has done, such as '4 commands, 1 round trip, 0.9 ms'."
    ).tag(config=True)

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(shell=surroundings.shell)
        self.surroundings = surroundings
        self.runner = Bridge()
        self.known: dict[str, AsyncMagic] = {}
        for magic in (kind() for kind in MAGICS):
            self.known[magic.name] = magic
            self.magics[magic.kind][magic.name] = self._synchronous(magic)

    def configure(self, environment: Mapping[str, str] = os.environ) -> list[str]:
        """Give the options what the environment, or else the project, says of them.

        What IPython's own configuration says goes before both.

        Args:
            environment: The variables; `RAPYER_NB_DISPLAY_LIMIT` sets `display_limit`, and so on.

        Returns:
            What is wrong with what they say.
        """
        settings, traits = self.surroundings.state.settings, self.traits(config=True)
        problems = list(settings.problems)
        for name in settings.options.keys() - traits:
            hint = suggestion(name, [*traits, "url", "ttl", "connections"], otherwise="it is not used")
            problems.append(f"{FILE}: unknown setting {name!r} in [tool.rapyer_nb]; {hint}")
        for name, trait in traits.items():
            said, variable = settings.options.get(name), f"{PREFIX}{name.upper()}"
            try:
                if name in self.config.get(type(self).__name__, {}):
                    continue
                if text := environment.get(variable):
                    setattr(self, name, trait.from_string(text))
                elif said is not None:
                    setattr(self, name, said)
            except (TraitError, ValueError):
                place = variable if text else f"{FILE}: [tool.rapyer_nb] {name}"
                problems.append(f"{place} is no value for it: {_allowed(trait)}")
        return problems

    def line_magic(self, name: str, line: str) -> Coroutine[Any, Any, Any]:
        """Return the coroutine of `%name line`; rewritten cells await it."""
        return self._invoke(self.known[name], line, "", sys._getframe(1))

    def cell_magic(self, name: str, line: str, cell: str) -> Coroutine[Any, Any, Any]:
        """Return the coroutine of `%%name line` with the rest of the cell; rewritten cells await it."""
        return self._invoke(self.known[name], line, cell, sys._getframe(1))

    def run_sync(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine to its end from synchronous code, in the way set by the option `bridge`."""
        __tracebackhide__ = True
        return self.runner.run(coroutine, self.bridge)

    def _synchronous(self, magic: AsyncMagic) -> Callable[..., Any]:
        """Return the function that IPython calls where nothing can be awaited."""

        def twin(line: str, cell: str = "", local_ns: MutableMapping[str, Any] | None = None) -> Any:
            __tracebackhide__ = True
            try:
                return self.run_sync(self._run(magic, line, cell, "", local_ns or {}))
            except KeyboardInterrupt as error:
                self._show_interrupted(error, magic)
                raise

        twin.__name__ = twin.__qualname__ = magic.name
        twin.__doc__ = magic.help
        # IPython would paste the values of $name and {…} into the line as text; we take them as values.
        return cast("Callable[..., Any]", no_var_expand(needs_local_scope(twin)))

    def _invoke(self, magic: AsyncMagic, line: str, cell: str, frame: FrameType) -> Coroutine[Any, Any, Any]:
        return self._run(magic, line, cell, frame.f_code.co_filename, frame.f_locals)

    async def _run(
        self, magic: AsyncMagic, line: str, cell: str, cell_name: str, local_ns: MutableMapping[str, Any]
    ) -> Any:
        __tracebackhide__ = True
        state, storing = self.surroundings.state, Storing.of(line)
        state.rebind()
        call, source = None, state.source
        try:
            shell = self.surroundings.shell
            variables = Variables(local_ns, shell.user_ns, hidden=shell.user_ns_hidden)
            options = magic.arguments.parse_line(storing.line.rstrip().removesuffix(";"), variables)
            call = self._call(options, storing.line, cell, cell_name, variables)
            with state.using(options.alias if magic.takes_alias else None), self._noticing_interrupts():
                source = state.source
                value = await magic.run(call)
        except asyncio.CancelledError as error:
            if call is None or error is not call.users_error or _cancelled(error):
                self._show_interrupted(error, magic)
            raise
        except _SHOWN_SHORT as error:
            if call is None or error is not call.users_error:
                self._show_short(error, source)
            raise
        return self._stored(storing, value)

    def _noticing_interrupts(self) -> AbstractContextManager[None]:
        # Only a kernel waits for its loop to notice them.
        return nullcontext() if getattr(self.surroundings.shell, "kernel", None) is None else waking()

    def _show_interrupted(self, error: BaseException, magic: AsyncMagic) -> None:
        if self.short_errors:
            shorten(error, f"{magic.sign}{magic.name} was interrupted")

    def _call(
        self, options: Namespace, line: str, cell: str, cell_name: str, variables: Mapping[str, Any]
    ) -> Call:
        return Call(
            self.surroundings,
            options,
            line,
            cell,
            cell_name,
            variables,
            display_limit=self.display_limit,
            default_form=self.default_form,
            feedback=self.feedback,
        )

    def _stored(self, storing: Storing, value: Any) -> Any:
        """Store and show a value as its line says; return what the magic is worth then."""
        if storing.name is None:
            if storing.show:
                display(value)
            return value
        self.surroundings.shell.user_ns[storing.name] = value
        return value if storing.show else None

    def _show_short(self, error: BaseException, source: ClientSource) -> None:
        if not self.short_errors:
            lengthen(error)
        elif isinstance(error, (RedisConnectionError, RedisTimeoutError)) and not is_short(error):
            address = source.describe()
            shorten(error, f"{one_line(error)} ({address}); %rapyer_connect chooses another server")
        elif not is_short(error):
            shorten(error)


def _cancelled(error: asyncio.CancelledError) -> bool:
    """Tell whether the cell was cancelled, and not only something that its code waits for."""
    if isinstance(error, Interrupted):
        return True
    task: Any = asyncio.current_task()
    # Before Python 3.11 a task does not tell.
    return not hasattr(task, "cancelling") or bool(task.cancelling())


def _allowed(trait: Any) -> str:
    values = getattr(trait, "values", None)
    return f"one of {', '.join(values)}" if values else str(trait.info())
