"""What `%load_ext rapyer_nb` adds to a shell, and how all of it is taken away again.

Loading connects to nothing and prints nothing, unless a setting is wrong. Added are: the input transformers,
the magics with their options, what completes their lines, the display of models, one attribute of the shell
(which the transformed code refers to), and the library's binding to the notebook's connection. Each has its
counterpart on the other side.
"""

from __future__ import annotations

import asyncio
import contextvars
import warnings
from typing import TYPE_CHECKING, Any

from IPython.core.async_helpers import get_asyncio_loop

from rapyer import AtomicRedisModel
from rapyer_nb import assigning, awaiting, completing
from rapyer_nb.awaiting import SHELL_ATTRIBUTE
from rapyer_nb.magics import MAGICS
from rapyer_nb.magics.magic import Surroundings
from rapyer_nb.magics.toolkit import RapyerMagics
from rapyer_nb.settings import SettingsWarning, read_settings
from rapyer_nb.state import NotebookState
from rapyer_nb.views import ModelView
from rapyer_nb.widgets import close_all

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from IPython.core.interactiveshell import InteractiveShell
    from IPython.lib.pretty import RepresentationPrinter

    from rapyer_nb.server import EmbeddedServer


def toolkit_of(shell: InteractiveShell | None) -> RapyerMagics | None:
    """Return what the extension has added to a shell, or `None` where it is not loaded."""
    toolkit = getattr(shell, SHELL_ATTRIBUTE, None)
    return toolkit if isinstance(toolkit, RapyerMagics) else None


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add the toolkit to a shell (`%load_ext rapyer_nb`); do nothing if it is there already."""
    if toolkit_of(shell) is not None:
        return
    awaiter = awaiting.install(shell, {magic.name: magic.kind for magic in MAGICS})
    assigning.install(shell)
    toolkit = RapyerMagics(Surroundings(shell, NotebookState(read_settings()), awaiter))
    shell.register_magics(toolkit)
    setattr(shell, SHELL_ATTRIBUTE, toolkit)
    completing.install(shell, toolkit)
    formatters = _formatters(shell)
    formatters["text/html"].for_type(AtomicRedisModel, _html)
    formatters["text/plain"].for_type(AtomicRedisModel, _plain)
    for problem in toolkit.configure():
        warnings.warn(problem, SettingsWarning, stacklevel=2)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take the toolkit out of a shell again (`%unload_ext rapyer_nb`); do nothing if it is not there."""
    toolkit = toolkit_of(shell)
    if toolkit is None:
        return
    awaiting.uninstall(shell, toolkit.surroundings.awaiter)
    assigning.uninstall(shell)
    completing.uninstall(shell)
    _unregister(shell, toolkit)
    delattr(shell, SHELL_ATTRIBUTE)
    for mime in ("text/html", "text/plain"):
        _formatters(shell)[mime].pop(AtomicRedisModel, None)
    close_all()
    sources, server = toolkit.surroundings.state.release()
    toolkit.runner.close()
    for source in sources:
        finish(source.aclose())
    if server is not None:
        _give_up(shell, server)


def finish(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that nobody waits for: as a task where a loop is running, else at once."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        get_asyncio_loop().run_until_complete(coroutine)
        return
    # An empty context, so that it does not carry an open pipeline of the cell along.
    pending: set[asyncio.Task[None]] = set()
    contextvars.Context().run(lambda: pending.add(loop.create_task(coroutine)))
    for task in tuple(pending):
        task.add_done_callback(pending.discard)


def _unregister(shell: InteractiveShell, toolkit: RapyerMagics) -> None:
    manager = shell.magics_manager
    for kind, added in toolkit.magics.items():
        for name, function in added.items():
            if manager.magics[kind].get(name) is function:
                del manager.magics[kind][name]
    manager.registry.pop(type(toolkit).__name__, None)
    configurables: list[Any] = shell.configurables
    if toolkit in configurables:
        configurables.remove(toolkit)


def _give_up(shell: InteractiveShell, server: EmbeddedServer) -> None:
    """End the use of an embedded server, unless the extension is only being loaded anew.

    What an embedded server holds in memory ends with it, and `%reload_ext` must not lose the user's data.
    """
    if not awaiting.inside_a_running_cell():
        server.close()
        return

    def after_the_cell(*_: object) -> None:
        shell.events.unregister("post_run_cell", after_the_cell)
        reloaded = toolkit_of(shell)
        if reloaded is None:
            server.close()
        else:
            reloaded.surroundings.state.hold(server)

    shell.events.register("post_run_cell", after_the_cell)


def _formatters(shell: InteractiveShell) -> dict[str, Any]:
    formatter = shell.display_formatter
    return {} if formatter is None else formatter.formatters


def _html(model: AtomicRedisModel) -> str:
    own = getattr(type(model), "_repr_html_", None)
    return str(own(model)) if own is not None else ModelView(model).html()


def _plain(model: AtomicRedisModel, printer: RepresentationPrinter, cycle: bool) -> None:
    printer.text(ModelView(model).text())
