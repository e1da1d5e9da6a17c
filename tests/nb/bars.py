"""Progress bars that note what they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer_nb.progress import ProgressBar

if TYPE_CHECKING:
    import pytest


class NotedBar(ProgressBar):
    """A bar that notes how far it was told that something is."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.reached: list[tuple[int, int | None]] = []

    def reach(self, done: int, total: int | None = None) -> None:
        super().reach(done, total)
        self.reached.append((self.done, self.total))


def watched_bars(monkeypatch: pytest.MonkeyPatch, module: str) -> list[NotedBar]:
    """Let a module use bars that note what they are told; return the list of those that it has made."""
    bars: list[NotedBar] = []

    def made(*given: Any, **options: Any) -> NotedBar:
        bars.append(NotedBar(*given, **options))
        return bars[-1]

    monkeypatch.setattr(f"{module}.progress", made)
    return bars
