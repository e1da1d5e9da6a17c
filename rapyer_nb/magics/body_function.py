"""The body of a cell magic as a coroutine function, for many runs, each with variables of its own."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING, Any, Final

from rapyer_nb.awaiting import TOP_LEVEL_AWAIT
from rapyer_nb.errors import NotebookError
from rapyer_nb.interrupts import interruptible
from rapyer_nb.magics.body import BodySyntaxError, parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from rapyer_nb.magics.magic import Call

_NAME: Final = "cell_body"


class BodyFunction:
    """The body of a cell, as a function of the names that it uses.

    What it assigns is local to each call; names of the notebook that it only reads are those of the notebook.

    Args:
        call: The use of the magic.
        header: The line of the cell above the body.

    Raises:
        BodySyntaxError: The body is no valid Python.
        NotebookError: The body yields.

    Attributes:
        names: The names in the body that the user's variables have.
    """

    def __init__(self, call: Call, header: str) -> None:
        shell: Any = call.surroundings.shell
        try:
            _, name, tree = parsed(call, header)
            self.names = [used for used in _names(tree) if used in call.variables]
            self._awaits = any(map(_awaits, ast.walk(tree)))
            self._function = _compiled(tree, name, self.names, shell)
        except SyntaxError as error:
            raise BodySyntaxError(error, shell) from error
        if not inspect.iscoroutinefunction(self._function):
            raise NotebookError(
                "the body of the cell yields", hint="take the yield out, or put it in a function"
            )

    async def run(self, values: Mapping[str, Any]) -> Any:
        """Run the body.

        Args:
            values: The value of each name.

        Raises:
            Interrupted: The user interrupted it, and it does not await.
        """
        __tracebackhide__ = True
        running = self._function(**values)
        if self._awaits:
            return await running
        try:
            interruptible(lambda: running.send(None))
        except StopIteration as end:
            return end.value


def _awaits(node: ast.AST) -> bool:
    return isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)) or bool(
        getattr(node, "is_async", False)
    )


def _names(tree: ast.AST) -> list[str]:
    """Return the names in a tree, each once, but for those that it declares to be global."""
    shared = {name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names}
    found = dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return [name for name in found if name not in shared]


def _compiled(
    tree: ast.Module, filename: str, names: list[str], shell: Any
) -> Callable[..., Coroutine[Any, Any, Any]]:
    arguments = ast.arguments(
        posonlyargs=[],
        args=[],
        kwonlyargs=[ast.arg(name) for name in names],
        kw_defaults=[None] * len(names),
        defaults=[],
    )
    function = ast.parse(f"async def {_NAME}(): pass").body[0]
    assert isinstance(function, ast.AsyncFunctionDef)  # noqa: S101 - the line above says so
    function.args, function.body = arguments, [*tree.body, *([] if tree.body else [ast.Pass()])]
    module = ast.fix_missing_locations(ast.Module([function], []))
    flags = shell.compile.flags & ~TOP_LEVEL_AWAIT
    code = compile(module, filename, "exec", flags, dont_inherit=True)
    made: dict[str, Any] = {}
    exec(code, shell.user_global_ns, made)  # noqa: S102 - the user's own cell
    function_made: Callable[..., Coroutine[Any, Any, Any]] = made[_NAME]
    return function_made
