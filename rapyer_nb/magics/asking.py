"""Asking the user before something is done that cannot be taken back."""

from __future__ import annotations

from rapyer_nb.errors import NotebookError
from rapyer_nb.interrupts import Interrupted, interruptible


def agreed(question: str, magic: str) -> bool:
    """Ask in the notebook or the terminal, and return whether the answer is yes.

    Args:
        question: What to ask, in one line.
        magic: The magic that asks, with its `%`; for the error.

    Raises:
        NotebookError: Nobody can be asked here, as in a notebook that runs without a front end; or the user
            interrupted it instead of an answer.
    """
    try:
        answer = interruptible(lambda: input(f"{question} [y/N] "))
    except (NotImplementedError, EOFError, OSError):  # of IPython's the first, where there is no stdin
        raise NotebookError(
            f"{magic}: there is nobody to ask: {question}", hint="add --yes to do it without asking"
        ) from None
    except Interrupted:
        # Its own error, not a cancellation that may be late: an answer that comes now must do nothing.
        raise NotebookError(f"{magic}: interrupted, nothing was done") from None
    return answer.strip().lower() in {"y", "yes"}
