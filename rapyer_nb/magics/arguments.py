"""The arguments of a magic's line: options anywhere, and words that may be Python."""

from __future__ import annotations

import argparse
import keyword
import re
import sys
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NoReturn

from IPython.core.magic_arguments import MagicArgumentParser

from rapyer_nb.errors import NotebookError, suggestion
from rapyer_nb.parsing import resolve, split_words

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST: Final = 10**15
"""The greatest number: more than any server holds, and less than what the server and Python count in."""

_DIGITS: Final = 30


class MagicLine(MagicArgumentParser):
    """What a magic's line may hold.

    Options are long ones (`--limit 20` or `--limit=20`); their values may be `$name` or `{…}`. All other
    words are given to the positional arguments as they stand, quotes included.

    Args:
        name: The magic, with its `%`.
        help_text: What it does, with examples.
    """

    def __init__(self, name: str, help_text: str) -> None:
        # IPython's help puts a % in front of the name.
        build: Any = super().__init__  # IPython's has no types
        build(prog=name.removeprefix("%"), description=help_text)
        self._name = name
        self._known: dict[str, argparse.Action] = {}
        self._holds: dict[str, str] = {}

    def add_argument(self, *names: str, holds: str | None = None, **options: Any) -> argparse.Action:
        """Add an argument, as `argparse` does.

        Args:
            names: Its name, or those of the option.
            holds: What it holds, for completion, where its `metavar` does not say it: CONNECTION.
            options: What `argparse` takes.
        """
        action: argparse.Action = super().add_argument(*names, **options)
        self._known.update(dict.fromkeys(action.option_strings, action))
        if holds is not None:
            self._holds[action.dest] = holds
        return action

    @property
    def options(self) -> Mapping[str, argparse.Action]:
        """The options, by their names."""
        return self._known

    @property
    def positionals(self) -> list[argparse.Action]:
        """The other arguments, in order."""
        return [action for action in self._actions if not action.option_strings]

    def held_by(self, action: argparse.Action) -> list[str]:
        """Return what an argument holds, in the words of its metavar: KEY, MODEL, PK."""
        words = self._holds.get(action.dest) or action.metavar or ""
        return [] if isinstance(words, tuple) else re.split(r"[| \[\]]+", words.strip("[] "))

    def error(self, message: str) -> NoReturn:
        """Raise a short error that names the magic's help."""
        raise NotebookError(f"{self._name}: {message}", hint=f"{self._name}? shows the help")

    def parse_line(self, line: str, variables: Mapping[str, Any]) -> argparse.Namespace:
        """Return the arguments in a line.

        Args:
            line: What stands behind the magic's name.
            variables: The user's variables, for the values of options.

        Raises:
            NotebookError: An option is unknown, lacks its value, or has one of the wrong kind.
        """
        options: list[str] = []
        positional: list[str] = []
        words = deque(split_words(line))
        while words:
            word = words.popleft()
            if word == "--":
                positional.extend(words)
                break
            if word.startswith("--"):
                options.append(self._option(word, words, variables))
            else:
                positional.append(word)
        return self.parse_args([*options, *(["--", *positional] if positional else [])])

    def _option(self, word: str, following: deque[str], variables: Mapping[str, Any]) -> str:
        name, equals, value = word.partition("=")
        action = self._known.get(name)
        if action is None:
            hint = suggestion(name, self._known, otherwise=f"{self._name}? shows the help")
            raise NotebookError(f"{self._name}: unknown option {name!r}", hint=hint)
        if action.nargs == 0:
            if equals:
                self.error(f"{name} takes no value")
            return name
        if action.nargs == "+":  # words as they stand, up to the next option
            while following and not following[0].startswith("--"):
                value = f"{value} {following.popleft()}".lstrip()
            if value:
                return f"{name}={value}"
        elif not equals and following:
            value = following.popleft()
        if not value or value.startswith("--"):
            self.error(f"{name} needs a value")
        value = plain(value, variables)
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            hint = suggestion(value, known, otherwise=f"there are {', '.join(known)}")
            raise NotebookError(f"{self._name}: {name} cannot be {value!r}", hint=hint)
        return f"{name}={value}"


def plain(value: str, variables: Mapping[str, Any]) -> str:
    """Return what a word stands for, as text: the value of `$name` or `{…}`, or the text without quotes."""
    if value.startswith("{") and value.endswith("}"):
        return str(resolve(value[1:-1], variables))
    if value[0] in "$\"'":
        return str(resolve(value, variables))
    return value


def positive(text: str) -> int:
    """Return the text as a positive whole number, for `type=`."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"a positive whole number is needed, not {text!r}")
    return number


def amount(text: str) -> int:
    """Return the text as a positive whole number of things that a server may hold, for `type=`."""
    return _bounded(positive(text))


def from_zero(text: str) -> int:
    """Return the text as a whole number that is not negative, for `type=`."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"a whole number from 0 is needed, not {text!r}")
    return _bounded(int(text[:_DIGITS]))


def _bounded(number: int) -> int:
    if number > _MOST:
        raise argparse.ArgumentTypeError(f"{_MOST:,} is the most that there can be")
    return number


def check_number(name: str, number: Any) -> None:
    """See to it that what Python code gives as a number of things is one, as `positive` does for a line.

    Args:
        name: What it is called there.
        number: The number; `None` for none.

    Raises:
        NotebookError: It is none.
    """
    if number is None:
        return
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= sys.maxsize:
        raise NotebookError(f"{name} is a positive whole number, not {number!r}", hint="or leave it out")


def variable_name(text: str) -> str:
    """Return the text, which is to be the name of a variable, for `type=`."""
    if not text.isidentifier() or keyword.iskeyword(text):
        raise argparse.ArgumentTypeError(f"the name of a variable is needed, not {text!r}")
    return text
