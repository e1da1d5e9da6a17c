"""The harness of the benchmarks: a contender that cannot do an operation does not end the run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from benchmarks import plots
from benchmarks.report import footnote, record, row
from benchmarks.timing import CannotDoError, measure

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Contender:
    bulk: bool = True
    fails_at: int | None = None
    taken: list[int] = field(default_factory=list)

    async def sample(self, times: int) -> float:
        if len(self.taken) == self.fails_at:
            raise CannotDoError("MaxConnectionsError")
        self.taken.append(times)
        return 0.5


@pytest.mark.parametrize("fails_at", [0, 1, 3])
async def test_who_cannot_do_it_is_left_out_and_named(fails_at: int) -> None:
    ours, raw, other = Contender(), Contender(), Contender(fails_at=fails_at)
    rounds = await measure({"ours": ours, "1.3.6": other, "raw": raw}, 3)
    assert rounds.costs == {"ours": [0.5] * 3, "raw": [0.5] * 3}
    assert rounds.unable == {"1.3.6": "MaxConnectionsError"}
    assert len(ours.taken) == 4  # one round is dropped
    assert "—" in row("aget x80", rounds)
    assert footnote("aget x80", rounds) == "— aget x80: 1.3.6 ends in MaxConnectionsError"
    assert record("aget x80", rounds)["unable"] == rounds.unable


async def test_where_all_can_there_is_no_footnote() -> None:
    rounds = await measure({"ours": Contender(), "raw": Contender()}, 1)
    assert "—" not in row("aget x80", rounds)
    assert footnote("aget x80", rounds) is None


def test_the_pictures_show_the_stored_figures(tmp_path: Path) -> None:
    plots.main(images=tmp_path)
    records = json.loads(plots.FIGURES.read_text(encoding="utf-8"))
    ratios = (tmp_path / "benchmarks-ratios.svg").read_text(encoding="utf-8")
    committed = (plots.IMAGES / "benchmarks-ratios.svg").read_text(encoding="utf-8")
    shown = [one["operation"] for one in records if set(one["ratio"]) & {"plain", "raw", "rp"}]
    assert len(shown) > 10
    for operation in shown:
        assert f">{operation}<" in ratios
        assert f">{operation}<" in committed, "run `python -m benchmarks.plots`"
    growth = (tmp_path / "benchmarks-growth.svg").read_text(encoding="utf-8")
    assert all(f">{size}<" in growth for size in ("1,000", "10,000"))
