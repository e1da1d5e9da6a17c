"""The object that holds everything the extension adds to one shell: its options, its state, its magics."""

from __future__ import annotations

import sys
from collections import ChainMap
from typing import TYPE_CHECKING, Any, TypeVar, cast

from IPython.core.magic import Magics, magics_class, needs_local_scope, no_var_expand
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from traitlets import Bool, Enum, Int

from rapyer.errors import RapyerError
from rapyer_nb.bridge import BRIDGE_MODES, Bridge
from rapyer_nb.errors import NotebookError, is_short, lengthen, one_line, shorten
from rapyer_nb.magics import MAGICS
from rapyer_nb.magics.magic import AsyncMagic, Call, Surroundings
from rapyer_nb.views.results import DISPLAY_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, MutableMapping
    from types import FrameType


Result = TypeVar("Result")

_SHOWN_SHORT = (NotebookError, RapyerError, RedisError)


@magics_class
class RapyerMagics(Magics):
    """The magics of rapyer_nb; `%config RapyerMagics` shows and sets their options."""

    bridge = Enum(
        BRIDGE_MODES,
        default_value="auto",
        help="How magics run in synchronous code while a loop is running: auto, nest, thread, or off.",
    ).tag(config=True)
    short_errors = Bool(True, help="Show mistakes as one line; %tb then shows the traceback.").tag(
        config=True
    )
    display_limit = Int(DISPLAY_LIMIT, min=1, help="The most rows of a result that are shown.").tag(
        config=True
    )

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(shell=surroundings.shell)
        self.surroundings = surroundings
        self.runner = Bridge()
        self._known: dict[str, AsyncMagic] = {}
        for magic in (kind() for kind in MAGICS):
            self._known[magic.name] = magic
            self.magics[magic.kind][magic.name] = self._synchronous(magic)

    def line_magic(self, name: str, line: str) -> Coroutine[Any, Any, Any]:
        """Return the coroutine of `%name line`; rewritten cells await it."""
        return self._invoke(self._known[name], line, "", sys._getframe(1))

    def cell_magic(self, name: str, line: str, cell: str) -> Coroutine[Any, Any, Any]:
        """Return the coroutine of `%%name line` with the rest of the cell; rewritten cells await it."""
        return self._invoke(self._known[name], line, cell, sys._getframe(1))

    def run_sync(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine to its end from synchronous code, in the way set by the option `bridge`."""
        __tracebackhide__ = True
        return self.runner.run(coroutine, self.bridge)

    def _synchronous(self, magic: AsyncMagic) -> Callable[..., Any]:
        """Return the function that IPython calls where nothing can be awaited."""

        def twin(line: str, cell: str = "", local_ns: MutableMapping[str, Any] | None = None) -> Any:
            __tracebackhide__ = True
            return self.run_sync(self._run(magic, line, cell, "", local_ns or {}))

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
        call: Call | None = None
        self.surroundings.state.rebind()
        try:
            variables = ChainMap(local_ns, self.surroundings.shell.user_ns)
            options = magic.arguments.parse_line(line.rstrip().removesuffix(";"), variables)
            call = Call(self.surroundings, options, line, cell, cell_name, variables, self.display_limit)
            return await magic.run(call)
        except _SHOWN_SHORT as error:
            if call is None or error is not call.users_error:
                self._show_short(error)
            raise

    def _show_short(self, error: BaseException) -> None:
        if not self.short_errors:
            lengthen(error)
        elif isinstance(error, (RedisConnectionError, RedisTimeoutError)) and not is_short(error):
            address = self.surroundings.state.source.describe()
            shorten(error, f"{one_line(error)} ({address}); %rapyer_connect chooses another server")
        elif not is_short(error):
            shorten(error)
