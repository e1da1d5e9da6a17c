"""What the notebooks of the course share: it says whether an exercise is solved."""

from __future__ import annotations

import html
from contextlib import contextmanager
from typing import TYPE_CHECKING

from IPython.display import display

if TYPE_CHECKING:
    from collections.abc import Iterator


class Verdict:
    """What is shown below an exercise.

    Args:
        solved: Whether it is solved.
        text: What is checked, and what is missing.
    """

    def __init__(self, *, solved: bool, text: str) -> None:
        self.sign = "✓" if solved else "○"
        self.text = text
        self._colour = "var(--jp-success-color0, #1b5e20)" if solved else "var(--jp-ui-font-color2, #616161)"

    def __repr__(self) -> str:
        """Return it as one line."""
        return f"{self.sign} {self.text}"

    def _repr_html_(self) -> str:
        sign = f'<b style="color: {self._colour}">{self.sign}</b>'
        return f'<div role="status">{sign} {html.escape(self.text)}</div>'


@contextmanager
def check(what: str) -> Iterator[None]:
    """Show whether an exercise is solved: whether the block runs without an error.

    Args:
        what: What the exercise asks for, in a few words.

    Asserts in the block say what is missing: `assert found == 3, "three documents should match"`.
    Whatever the block raises, the notebook goes on.
    """
    try:
        yield
    except AssertionError as error:
        display(Verdict(solved=False, text=f"not yet: {what}" + (f" – {error}" if str(error) else "")))
    except Exception as error:  # an exercise that is not begun may leave names unbound, keys unwritten
        display(Verdict(solved=False, text=f"not yet: {what} ({type(error).__name__}: {error})"))
    else:
        display(Verdict(solved=True, text=what))
