"""The input transformer that turns magics into awaits on the kernel's own event loop.

IPython turns `users = %rapyer_find User` into `users = get_ipython().run_line_magic('rapyer_find', 'User')`,
which cannot await. Where an `await` may stand (at the top of a cell, inside its `if`, `for`, `with` and
`async def`, in an element of a list, set or dict comprehension) this transformer turns that call into
`(await get_ipython().rapyer.line_magic('rapyer_find', 'User'))`. One loop and one client then serve cells,
magics and widgets, an open `apipeline()` is respected, and nothing of asyncio is patched.

Everywhere else (sync functions, lambdas, class bodies, generator expressions) the call is left alone, and
the registered magic runs the same coroutine through `rapyer_nb.bridge`. It is left alone as well in code
that runs inside a running cell: `%time`, `%%time`, `%%capture`, `%timeit`, `%run` hand their statement to
IPython's transformers again and compile the result as plain code, where an `await` is a syntax error. Such a
nested run is told by a look at the call stack: the frame of `InteractiveShell.run_code` is on it. A counter
kept by `pre_run_cell` and `post_run_cell` would have to be repaired after interrupts, would miss silent
cells, which have no such events, and would mix up the cells of two threads (subshells); the stack is always
right.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from IPython.core.interactiveshell import InteractiveShell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import FrameType

MAGIC_PREFIX: Final = "rapyer_"
"""Every magic's name begins so; a cell without this text is not looked at any further."""

SHELL_ATTRIBUTE: Final = "rapyer"
"""The attribute of the shell that holds the awaitable twins of the magics."""

TOP_LEVEL_AWAIT: Final = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_TWINS: Final = {"run_line_magic": "line_magic", "run_cell_magic": "cell_magic"}
_KINDS: Final = {"run_line_magic": "line", "run_cell_magic": "cell"}
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_UNPARSABLE: Final = (SyntaxError, ValueError, RecursionError, MemoryError)


class MagicAwaiter:
    """The transformer of one shell, to be put into its `input_transformers_post`.

    Args:
        shell: The shell.
        kinds: Whether each magic is a "line" or a "cell" one. Used as the other kind, it is left to IPython,
            which says that there is none; awaited, it would lose the rest of the cell, or run an empty one.
    """

    has_side_effects = False

    def __init__(self, shell: InteractiveShell, kinds: Mapping[str, str]) -> None:
        self._shell = shell
        self._kinds = dict(kinds)

    def __call__(self, lines: list[str]) -> list[str]:
        """Return the lines of a cell with awaits in place of our magics, or the lines themselves."""
        if not any(MAGIC_PREFIX in line for line in lines):
            return lines
        if not _awaits_on_asyncio(self._shell) or inside_a_running_cell():
            return lines
        source = "".join(lines)
        rewritten = self.rewrite(source)
        return lines if rewritten == source else rewritten.splitlines(keepends=True)

    def rewrite(self, source: str) -> str:
        """Return the source with awaits in place of our magics, wherever an await may stand.

        Args:
            source: Code that IPython's own transformers have been through already.

        Returns:
            The new source; the given one where there is nothing to change or where it does not compile.
        """
        if MAGIC_PREFIX not in source:
            return source
        with warnings.catch_warnings():
            # The code will be compiled once more, by IPython, which is when the user wants its warnings.
            warnings.simplefilter("ignore")
            try:
                calls = _AwaitableCalls(self._kinds)
                calls.visit(compile(source, "<cell>", "exec", ast.PyCF_ONLY_AST | TOP_LEVEL_AWAIT))
                rewritten = _replaced(source, calls.found)
                compile(rewritten, "<cell>", "exec", TOP_LEVEL_AWAIT, dont_inherit=True)
            except _UNPARSABLE:
                return source
        return rewritten


def install(shell: InteractiveShell, kinds: Mapping[str, str]) -> MagicAwaiter:
    """Add a transformer for these magics, each of its kind, to the shell and return it."""
    awaiter = MagicAwaiter(shell, kinds)
    shell.input_transformers_post.append(awaiter)
    return awaiter


def uninstall(shell: InteractiveShell, awaiter: MagicAwaiter) -> None:
    """Take the transformer out of the shell again."""
    while awaiter in shell.input_transformers_post:
        shell.input_transformers_post.remove(awaiter)


def _awaits_on_asyncio(shell: InteractiveShell) -> bool:
    asyncio_runner, _ = shell.loop_runner_map["asyncio"]
    return bool(shell.autoawait) and shell.loop_runner is asyncio_runner


def inside_a_running_cell() -> bool:
    """Tell whether the caller was called, however indirectly, by code of a cell that is being run."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code is _RUN_CODE:
            return True
        frame = frame.f_back
    return False


_RUN_CODE: Final = InteractiveShell.run_code.__code__


@dataclass(frozen=True, order=True)
class _Place:
    """A place in the source: the line from 1, the column in bytes of UTF-8 from 0, as `ast` counts them."""

    line: int
    column: int

    @classmethod
    def end_of(cls, node: ast.expr) -> _Place:
        """Return the place just behind a node."""
        return cls(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)


@dataclass(frozen=True)
class _MagicCall:
    """A call of one of our magics: where it begins, where its method's name ends, where it ends.

    `silenced` tells that it is a statement whose line ends with a semicolon, as in `%rapyer_find User;`.
    """

    start: _Place
    method_end: _Place
    end: _Place
    method: str
    silenced: bool


class _AwaitableCalls(ast.NodeVisitor):
    """Collects the calls of our magics that stand where an await may stand."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.found: list[_MagicCall] = []
        self._kinds = kinds
        self._comprehensions = 0
        self._statement: ast.expr | None = None

    def visit_Call(self, node: ast.Call) -> None:
        """Take the call if it is one of ours; look into it otherwise."""
        method = _magic_method(node, self._kinds)
        if method is None:
            self.generic_visit(node)
            return
        start = _Place(node.lineno, node.col_offset)
        silenced = node is self._statement and _ends_with_semicolon(node)
        self.found.append(_MagicCall(start, _Place.end_of(node.func), _Place.end_of(node), method, silenced))

    def visit_Expr(self, node: ast.Expr) -> None:
        """Look at a statement that is nothing but an expression."""
        self._statement = node.value
        self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Look at what is evaluated where the function is defined; its body cannot await."""
        self._visit_all([*node.decorator_list, *_defaults(node.args)])

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Look at the body as well: it awaits when it is called."""
        self._visit_all([*node.decorator_list, *_defaults(node.args)])
        outer, self._comprehensions = self._comprehensions, 0
        self._visit_all(node.body)
        self._comprehensions = outer

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Look at the defaults only."""
        self._visit_all(_defaults(node.args))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Look at what is evaluated before the body."""
        self._visit_all([*node.decorator_list, *node.bases, *node.keywords])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Leave the annotation out: it may never be evaluated."""
        self._visit_all([node.target] if node.value is None else [node.target, node.value])

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave f-strings alone: before Python 3.12 the positions inside them are not to be trusted."""

    def visit_TypeAlias(self, node: ast.AST) -> None:
        """Leave type aliases alone: their value is evaluated lazily."""

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        """Look at the first iterable only; an await elsewhere would make the generator asynchronous."""
        self.visit(node.generators[0].iter)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        """Look into the comprehension."""
        self._visit_comprehension(node.generators, [node.elt])

    def visit_SetComp(self, node: ast.SetComp) -> None:
        """Look into the comprehension."""
        self._visit_comprehension(node.generators, [node.elt])

    def visit_DictComp(self, node: ast.DictComp) -> None:
        """Look into the comprehension."""
        self._visit_comprehension(node.generators, [node.key, node.value])

    def _visit_comprehension(self, generators: list[ast.comprehension], elements: list[ast.expr]) -> None:
        self.visit(generators[0].iter)
        if self._comprehensions:
            # Python 3.10 refuses an asynchronous comprehension inside a synchronous one.
            return
        self._comprehensions += 1
        for position, generator in enumerate(generators):
            self._visit_all(generator.ifs if position == 0 else [generator.iter, *generator.ifs])
        self._visit_all(elements)
        self._comprehensions -= 1

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)


def _magic_method(node: ast.Call, kinds: Mapping[str, str]) -> str | None:
    match node:
        case ast.Call(
            func=ast.Attribute(
                value=ast.Call(func=ast.Name(id="get_ipython"), args=[], keywords=[]), attr=method
            ),
            args=[ast.Constant(value=str() as name), *_],
        ) if method in _KINDS and kinds.get(name) == _KINDS[method]:
            return method
    return None


def _ends_with_semicolon(node: ast.Call) -> bool:
    match node.args:
        case [_, ast.Constant(value=str() as line)]:
            return line.rstrip().endswith(";")
    return False


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(default for default in arguments.kw_defaults if default is not None)]


def _replaced(source: str, calls: list[_MagicCall]) -> str:
    text = source.encode()
    starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def offset(place: _Place) -> int:
        return starts[place.line - 1] + place.column

    # From the last to the first, so that the places of those still to come stay true.
    for call in sorted(calls, key=lambda call: call.start, reverse=True):
        start, name_end, end = offset(call.start), offset(call.method_end), offset(call.end)
        name_start = name_end - len(call.method)
        twin = f"{SHELL_ATTRIBUTE}.{_TWINS[call.method]}".encode()
        # IPython looks for the semicolon that silences a cell in the transformed code.
        closing = b");" if call.silenced else b")"
        text = b"".join(
            (text[:start], b"(await ", text[start:name_start], twin, text[name_end:end], closing, text[end:])
        )
    return text.decode()
