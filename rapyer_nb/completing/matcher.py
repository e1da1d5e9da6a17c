"""The matcher that IPython asks what could stand at the cursor; kernels and terminals ask it alike."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from IPython.core.completer import SimpleCompletion, context_matcher

from rapyer_nb.assigning import Storing
from rapyer_nb.awaiting import MAGIC_PREFIX
from rapyer_nb.completing.meanings import Asked
from rapyer_nb.completing.opening import opening
from rapyer_nb.completing.stored import KeyLookup
from rapyer_nb.parsing import Variables

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.completer import CompletionContext
    from IPython.core.interactiveshell import InteractiveShell

    from rapyer_nb.completing.offer import Offer
    from rapyer_nb.magics.toolkit import RapyerMagics

_IDENTIFIER: Final = "rapyer_nb"
_MOST: Final = 200
# `%magic`, `a, b = %magic`, `a << %magic`, `a = << %magic`, and a cell magic; all up to the cursor.
_LINE: Final = re.compile(
    rf"\s*(?:[^%\"'#]*?(?:=|<<)\s*)?(?P<sign>%%?)(?P<name>{MAGIC_PREFIX}\w+)[ \t]+(?P<line>.*)", re.DOTALL
)


class MagicLineSoFar(NamedTuple):
    """The part of a magic's line before the cursor.

    Attributes:
        kind: "line" or "cell".
        name: The magic.
        line: What stands behind its name.
    """

    kind: str
    name: str
    line: str


def magic_before(text: str, *, first_line: bool) -> MagicLineSoFar | None:
    """Return the magic whose arguments the end of a text is in, or `None`.

    Args:
        text: A line of a cell up to the cursor.
        first_line: Whether it is the cell's first, where alone a cell magic can stand.
    """
    found = _LINE.fullmatch(text)
    if found is None:
        return None
    is_cell = found["sign"] == "%%"
    if is_cell and not (first_line and text.startswith("%%")):
        return None
    return MagicLineSoFar("cell" if is_cell else "line", found["name"], Storing.of(found["line"]).line)


def install(shell: InteractiveShell, toolkit: RapyerMagics) -> None:
    """Let a shell complete the lines of magics."""
    matchers = _matchers(shell)
    if matchers is not None:
        matchers.append(_matcher(toolkit))


def uninstall(shell: InteractiveShell) -> None:
    """Take the matcher out of a shell again."""
    matchers = _matchers(shell)
    if matchers is not None:
        ours = [one for one in matchers if getattr(one, "matcher_identifier", "") == _IDENTIFIER]
        for one in ours:
            matchers.remove(one)


def _matchers(shell: InteractiveShell) -> list[Any] | None:
    completer: Any = shell.Completer
    return None if completer is None else completer.custom_matchers


def _matcher(toolkit: RapyerMagics) -> Callable[[CompletionContext], dict[str, Any]]:
    lookup = KeyLookup()

    def rapyer_matcher(context: CompletionContext) -> dict[str, Any]:
        first_line = context.cursor_line == 0
        found = magic_before(context.text_until_cursor, first_line=first_line)
        magic = None if found is None else toolkit.known.get(found.name)
        if found is None or magic is None or magic.kind != found.kind:
            return {"completions": []}
        shell = toolkit.surroundings.shell
        variables = Variables(shell.user_ns, hidden=shell.user_ns_hidden).own()
        arguments = magic.arguments
        asked = Asked(toolkit.surroundings, variables, lookup, arguments, opening(arguments, found.line))
        return _answer(asked, context)

    mark: Any = context_matcher(identifier=_IDENTIFIER)  # IPython's has no types
    made: Callable[[CompletionContext], dict[str, Any]] = mark(rapyer_matcher)
    return made


def _answer(asked: Asked, context: CompletionContext) -> dict[str, Any]:
    """Return the answer for IPython; all of it replaces the same part of the line."""
    fragment: str | None = None
    offers: dict[str, Offer] = {}
    for some in asked.offers():
        fitting = some.fitting
        if fitting and fragment is None:
            fragment = some.fragment
        if some.fragment == fragment:
            for offer in fitting:
                offers.setdefault(offer.text, offer)
    # IPython takes an empty fragment for its own token, and would replace that.
    if not offers or (not fragment and context.token):
        return {"completions": []}
    completions = [SimpleCompletion(text=one.text, type=one.kind) for one in [*offers.values()][:_MOST]]
    return {"completions": completions, "matched_fragment": fragment, "suppress": True, "ordered": True}
