"""The arguments of a magic's line: options anywhere, and words that may be Python."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.magic_arguments import MagicArgumentParser

from rapyer_nb.errors import NotebookError, suggestion
from rapyer_nb.parsing import resolve, split_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


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

    def add_argument(self, *names: str, **options: Any) -> argparse.Action:
        """Add an argument, as `argparse` does."""
        action: argparse.Action = super().add_argument(*names, **options)
        self._known.update(dict.fromkeys(action.option_strings, action))
        return action

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
        words = iter(split_words(line))
        for word in words:
            if word == "--":
                positional.extend(words)
            elif word.startswith("--"):
                options.append(self._option(word, words, variables))
            else:
                positional.append(word)
        return self.parse_args([*options, "--", *positional])

    def _option(self, word: str, following: Iterator[str], variables: Mapping[str, Any]) -> str:
        name, equals, value = word.partition("=")
        action = self._known.get(name)
        if action is None:
            hint = suggestion(name, self._known, otherwise=f"{self._name}? shows the help")
            raise NotebookError(f"{self._name}: unknown option {name!r}", hint=hint)
        if action.nargs == 0:
            if equals:
                self.error(f"{name} takes no value")
            return name
        if not equals:
            value = next(following, "")
        if not value or value.startswith("--"):
            self.error(f"{name} needs a value")
        return f"{name}={plain(value, variables)}"


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
