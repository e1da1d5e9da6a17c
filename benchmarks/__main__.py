"""`python -m benchmarks`: measure and print the table."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import footnote, heading, record, row
from benchmarks.run import Plan, measured

if TYPE_CHECKING:
    from collections.abc import Sequence

URL_VARIABLE = "RAPYER_BENCH_URL"


_FULL: dict[str, Any] = {
    "sizes": (1000, 10_000),
    "others": (10_000, 100_000, 1_000_000),
    "rounds": 7,
    "bulk_rounds": 5,
}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Costs as ratios.")
    parser.add_argument(
        "--full", action="store_true", help="10,000 documents and a million keys, too, and more rounds"
    )
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="part of a name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--peer-python", metavar="PATH", help="an interpreter with rapyer 1.3.6")
    return parser.parse_args(arguments)


async def _run(options: argparse.Namespace) -> bool:
    tier: dict[str, Any] = _FULL if options.full else {}
    plan = Plan(
        only=tuple(options.only),
        peer_python=options.peer_python,
        url=os.environ.get(URL_VARIABLE),
        **tier,
    )
    records, footnotes = [], []
    print(heading())
    async for operation, rounds in measured(plan):
        print(row(operation, rounds), flush=True)
        records.append(record(operation, rounds))
        footnotes.append(footnote(operation, rounds))
    for told in filter(None, footnotes):
        print(told)
    if options.json:
        options.json.write_text(json.dumps(records, indent=1), encoding="utf-8")
    return not any("missed" in one["gates"].values() for one in records)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; return 1 if a gate is missed."""
    return 0 if asyncio.run(_run(_options(arguments))) else 1


if __name__ == "__main__":
    raise SystemExit(main())
