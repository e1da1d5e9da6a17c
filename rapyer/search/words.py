"""Text as the server sees it in a full-text index: words, which it compares without the case of a to z."""

from __future__ import annotations

import re
import string
from functools import lru_cache

SEPARATORS = frozenset(" \t,./(){}[]:;~!@#$%^&*-=+|'`\"<>?\\")
"""What stands between words. Other control characters are left out; so a line break joins words."""

LONGEST = 128
"""How many bytes of UTF-8 the longest word has that the server finds."""

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_CONTROLS = dict.fromkeys([*range(32), 127])
_PART = re.compile(r"\\(.)|(.)", re.DOTALL)


def words_of_text(text: str) -> list[str]:
    """Return the words of a text, in lower case as far as the server knows it."""
    words: list[str] = []
    word = ""
    for escaped, plain in _PART.findall(text):
        if plain and plain in SEPARATORS:
            words.append(word)
            word = ""
        else:  # a backslash makes the character after it a part of the word
            word += escaped or plain
    words.append(word)
    kept = (one.translate(_CONTROLS).translate(_LOWER) for one in words)
    return [one for one in kept if one]


def has_likes(word: str) -> bool:
    """Tell whether the server finds a word by one that is like it: not with a character beyond 16 bits."""
    return all(character <= "\uffff" for character in word)


@lru_cache(maxsize=1024)
def _pair(one: str, other: str) -> int:
    previous = list(range(len(other) + 1))
    for row, left in enumerate(one, 1):
        current = [row]
        for column, right in enumerate(other, 1):
            changed = previous[column - 1] + (left != right)
            current.append(min(previous[column] + 1, current[-1] + 1, changed))
        previous = current
    return previous[-1]


def distance(one: str, other: str) -> int:
    """Return how many characters must be added, removed or replaced to make one word of another."""
    return _pair(one, other)
