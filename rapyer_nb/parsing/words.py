"""The words of a magic's line."""

from __future__ import annotations

import re
from typing import Final

STRING: Final = (
    r'"""(?:\\.|[^\\])*?"""'
    r"|'''(?:\\.|[^\\])*?'''"
    r'|"(?:\\.|[^"\\])*"'
    r"|'(?:\\.|[^'\\])*'"
)
"""A Python string literal, as a regular expression for use with `re.DOTALL`."""

_TOKEN: Final = re.compile(
    rf"(?P<string>{STRING})|(?P<space>\s+)|(?P<open>[(\[{{])|(?P<close>[)\]}}])|.", re.DOTALL
)


def split_words(line: str) -> list[str]:
    """Split a line where there is white space outside of strings and brackets.

    The words keep their quotes and whatever stands in their brackets, so joining them with blanks gives
    Python code that means the same as the line.
    """
    words: list[str] = []
    word = ""
    depth = 0
    for token in _TOKEN.finditer(line):
        if token["space"] and depth == 0:
            words.append(word)
            word = ""
            continue
        depth = max(0, depth + bool(token["open"]) - bool(token["close"]))
        word += token[0]
    return [word for word in [*words, word] if word]


def is_quoted(text: str) -> bool:
    """Tell whether a text is one string literal."""
    return re.fullmatch(STRING, text.strip(), re.DOTALL) is not None
