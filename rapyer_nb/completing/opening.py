"""Where the cursor stands in a magic's line: in which word, of which argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rapyer_nb.parsing import split_words

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rapyer_nb.magics.arguments import MagicLine

_CURSOR: Final = "\0"
_MANY: Final = ("*", "+")


@dataclass(frozen=True)
class Opening:
    """The end of a line that is still being written.

    Args:
        word: Its last word so far; of `--as=pa` what stands behind the sign.
        action: The argument that the word belongs to; None where there is none.
        before: The words in front of it that belong to the same argument.
        given: The words of the other arguments, by the names of these.
        may_be_option: Whether the word may be the beginning of an option.
    """

    word: str
    action: argparse.Action | None
    before: tuple[str, ...] = ()
    given: dict[str, list[str]] = field(default_factory=dict)
    may_be_option: bool = False

    @property
    def text(self) -> str:
        """All words of the argument up to the cursor."""
        return " ".join([*self.before, self.word])


def opening(arguments: MagicLine, line: str) -> Opening:
    """Return where the end of a line is, by the rules by which a whole line is read.

    Args:
        arguments: The arguments of the magic.
        line: What stands between the magic's name and the cursor.
    """
    *words, last = split_words(line + _CURSOR)
    last = last.removesuffix(_CURSOR)
    given: dict[str, list[str]] = {}
    positional: list[str] = []
    waiting: argparse.Action | None = None  # the option whose value comes next
    for word in words:
        if word.startswith("--"):
            waiting = _option(arguments, word, given)
        elif waiting is None:
            positional.append(word)
        else:
            given[waiting.dest].append(word)
            waiting = waiting if waiting.nargs in _MANY else None
    found, before = _positional(arguments, positional, given)
    if found is not None and before and (waiting is not None or last.startswith("--")):
        given[found.dest] = list(before)
    if last.startswith("--") and "=" in last:
        action = _option(arguments, last, given, at_end=True)
        return Opening(last.partition("=")[2], action, given=given)
    if waiting is not None:
        before = tuple(given.pop(waiting.dest))
        return Opening(last, waiting, before, given, may_be_option=bool(before) and _is_option(last))
    return Opening(last, found, before, given, may_be_option=_is_option(last))


def _option(
    arguments: MagicLine, word: str, given: dict[str, list[str]], *, at_end: bool = False
) -> argparse.Action | None:
    """Note an option; return it if its value is still to come, or comes at the end of the line."""
    name, equals, value = word.partition("=")
    action = arguments.options.get(name)
    if action is None:
        return None
    values = given.setdefault(action.dest, [])
    if at_end:
        return action
    if equals:
        values.append(value)
    ended = action.nargs == 0 or (equals and action.nargs not in _MANY)
    return None if ended else action


def _positional(
    arguments: MagicLine, words: Sequence[str], given: dict[str, list[str]]
) -> tuple[argparse.Action | None, tuple[str, ...]]:
    """Give words to the positional arguments; return the one that comes next, and what it has already."""
    rest = list(words)
    for action in arguments.positionals:
        if action.nargs in _MANY or not rest:
            return action, tuple(rest)
        given[action.dest] = [rest.pop(0)]
    return None, ()


def _is_option(word: str) -> bool:
    return word in ("", "-") or word.startswith("--")
