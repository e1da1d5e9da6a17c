"""Another version of `rapyer`, in a process of its own, as a contender."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.timing import CannotDoError


class Peer:
    """A running `peer.py`.

    Args:
        python: The interpreter that has the other version.
        url: The server that it uses; one of its own, for its documents have the same keys.
    """

    def __init__(self, python: str, url: str) -> None:
        script = Path(__file__).with_name("peer.py")
        self._process = subprocess.Popen(
            [python, "-W", "ignore", str(script), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
        )

    def ask(self, *order: Any) -> Any:
        """Give an order and wait for the answer.

        Raises:
            RuntimeError: The process has ended.
        """
        pipe, answers = self._process.stdin, self._process.stdout
        assert pipe is not None and answers is not None
        pipe.write(json.dumps(order) + "\n")
        pipe.flush()
        line = answers.readline()
        if not line:
            raise RuntimeError(f"the peer ended at {order}; its error stands above")
        return json.loads(line)

    def prepared(self, *order: Any) -> dict[str, PeerWork]:
        """Let the peer prepare a group of operations and return them."""
        return {name: PeerWork(self, name, _is_bulk(name)) for name in self.ask(*order)}

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()


@dataclass(frozen=True, slots=True)
class PeerWork:
    """One operation of the peer; both processes stand still while the other one is at work."""

    peer: Peer
    name: str
    bulk: bool

    async def sample(self, times: int) -> float:
        """Let the peer take a sample and return the cost of one operation.

        Raises:
            CannotDoError: It raised an error.
        """
        cost, error = self.peer.ask("sample", self.name, times)
        if error is not None:
            raise CannotDoError(error)
        return float(cost)


def _is_bulk(name: str) -> bool:
    return name.startswith(("afind", "ainsert", "adelete_many", "define", "memory"))
