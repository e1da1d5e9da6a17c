"""The body of a cell magic as code of its own: awaits at its top level, tracebacks that point into it."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.core.displayhook import DisplayHook

from rapyer_nb.awaiting import TOP_LEVEL_AWAIT
from rapyer_nb.errors import NotebookError, shorten
from rapyer_nb.interrupts import interruptible

_LEADING_BLANK = re.compile(r"(?:[^\S\n]*\n)+")
"""Empty lines at the beginning, which IPython drops from a cell; they count as lines for the user."""

if TYPE_CHECKING:
    from types import CodeType

    from IPython.core.interactiveshell import InteractiveShell

    from rapyer_nb.magics.magic import Call


class BodySyntaxError(NotebookError):
    """The body of the cell is no valid Python; shown as Python shows it, without our frames."""

    def __init__(self, error: SyntaxError, shell: InteractiveShell) -> None:
        super().__init__(str(error))
        shorten(self, "".join(shell.SyntaxTB.structured_traceback(type(error), error, None)))


@dataclass(frozen=True)
class CellBody:
    """The code of a cell's body, compiled, and the shell in whose namespace it runs."""

    shell: InteractiveShell
    statements: CodeType
    result: CodeType | None

    @classmethod
    def of(cls, call: Call, header: str) -> CellBody:
        """Compile the body of a cell magic.

        Args:
            call: The use of the magic.
            header: The line of the cell above the body, which is kept as a comment so that lines count as the
                user sees them.

        Raises:
            BodySyntaxError: The body is no valid Python.
        """
        shell: Any = call.surroundings.shell
        try:
            source, name, tree = parsed(call, header)
            return cls._compiled(shell, source, name, tree)
        except SyntaxError as error:
            raise BodySyntaxError(error, shell) from error

    @classmethod
    def _compiled(cls, shell: Any, source: str, name: str, tree: Any) -> CellBody:
        flags = shell.compile.flags | TOP_LEVEL_AWAIT
        result = None
        last = tree.body[-1] if tree.body else None
        silenced: bool = DisplayHook.semicolon_at_end_of_expression(source)
        if isinstance(last, ast.Expr) and not silenced:
            del tree.body[-1]
            result = compile(ast.Expression(last.value), name, "eval", flags, dont_inherit=True)
        return cls(shell, compile(tree, name, "exec", flags, dont_inherit=True), result)

    async def run(self) -> Any:
        """Run the body and return the value of its last expression; `None` if it ends with something else."""
        __tracebackhide__ = True
        await self._run(self.statements)
        return None if self.result is None else await self._run(self.result)

    async def _run(self, code: CodeType) -> Any:
        __tracebackhide__ = True

        def evaluated() -> Any:
            __tracebackhide__ = True
            return eval(code, self.shell.user_global_ns, self.shell.user_ns)  # noqa: S307 - the user's own cell

        return await evaluated() if code.co_flags & inspect.CO_COROUTINE else interruptible(evaluated)


def parsed(call: Call, header: str) -> tuple[str, str, Any]:
    """Return the body of a cell magic with its header, the name under which IPython knows it, and its tree.

    Args:
        call: The use of the magic.
        header: The line of the cell above the body.

    Raises:
        SyntaxError: The body is no valid Python.
    """
    shell: Any = call.surroundings.shell
    blank = _LEADING_BLANK.match(call.cell)
    body = call.surroundings.awaiter.rewrite(shell.transform_cell(call.cell))
    source = f"# {header}\n{_line_ends(blank)}{body}"
    name: str = shell.compile.cache(source, _cell_number(call), raw_code=source)
    flags = shell.compile.flags | TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
    tree = shell.transform_ast(compile(source, name, "exec", flags, dont_inherit=True))
    return source, name, tree


def _line_ends(blank: re.Match[str] | None) -> str:
    return "\n" * (blank[0].count("\n") if blank else 0)


def _cell_number(call: Call) -> int:
    """Return the number of the cell that the magic stands in, as tracebacks show it (`Cell In[7]`)."""
    shown = call.surroundings.shell.compile.format_code_name(call.cell_name)
    number = re.search(r"\d+", shown[1]) if shown else None
    return int(number[0]) if number else max(call.surroundings.shell.execution_count - 1, 0)
