"""What the doctor shows, and that a check that fails is a finding."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import NoPermissionError

from rapyer.errors import KeyNotFound
from rapyer_nb.doctor import Check, Finding, Patient, Report, Section, acheck, checking
from rapyer_nb.doctor.checking import findings_of
from rapyer_nb.doctor.finding import fine
from rapyer_nb.doctor.keyspace import Keyspace

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from rapyer.session.clients import ClientSource

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m"

REPORT = Report(
    (
        Section(
            "Server", (Finding("fine", "it answers"), Finding("broken", "it is a replica", "take another"))
        ),
        Section("Clock", (Finding("warning", "it is late", "set it"), Finding("unchecked", "nobody knows"))),
    ),
    0.25,
)

TEXT = """Server
  ✓ it answers
  ✕ it is a replica
      take another

Clock
  ⚠ it is late
      set it
  ○ nobody knows

4 findings: 1 broken, 1 warning, 1 not checked (250 ms)"""


def test_text() -> None:
    assert REPORT.text() == repr(REPORT) == TEXT
    assert REPORT.is_broken
    assert [finding.sign for finding in REPORT] == ["✓", "✕", "⚠", "○"]
    assert len(REPORT) == 4
    assert not Report(REPORT.sections[1:]).is_broken
    assert Report(()).text().strip() == "0 findings: nothing is broken (0.0 ms)"


def test_very_many_findings_of_one_topic_are_cut() -> None:
    many = [Finding("fine", f"model {number} is well") for number in range(1500)]
    many[700] = Finding("broken", "model 700 is ill", "mend it")
    report = Report((Section("Models", tuple(many)),))
    lines = report.text().splitlines()
    assert lines[0] == "Models"
    assert lines[1:20] == [f"  ✓ model {number} is well" for number in range(19)]
    assert lines[20:23] == [
        "  ✕ model 700 is ill",
        "      mend it",
        "    and 1,480 more, not shown; as JSON there are all",
    ]
    assert lines[-1].startswith("1,500 findings: 1 broken")
    assert '<th rowspan="21" scope="rowgroup">Models</th>' in report.html()
    assert report.html().count("<tr>") == 21
    assert len(json.loads(report.json())["findings"]) == 1500


def test_html() -> None:
    html = REPORT.html()
    assert '<span aria-label="broken" role="img">✕</span>' in html
    assert '<th rowspan="2" scope="rowgroup">Clock</th>' in html
    assert '<div class="rapyer-faint">take another</div>' in html
    hostile = Report((Section(HOSTILE, (Finding("warning", HOSTILE, HOSTILE),)),))
    assert "<img" not in hostile.html()
    assert "\x1b" not in hostile.html() + hostile.text()


def test_json() -> None:
    told = json.loads(REPORT.json())
    assert told["broken"] is True
    assert told["counts"] == {"fine": 1, "warning": 1, "broken": 1, "unchecked": 1}
    assert told["findings"][1] == {
        "section": "Server",
        "verdict": "broken",
        "text": "it is a replica",
        "cure": "take another",
    }


def _patient(source: ClientSource) -> Patient:
    return Patient(source, (), (), Keyspace(source, (), 1, 0))


@pytest.mark.parametrize(
    ("error", "text", "cure"),
    [
        (RuntimeError("oh\nno."), "could not be checked: RuntimeError: oh no", ""),
        (NoPermissionError("no rights"), "this user may not ask: no rights", "use a user that may"),
        (asyncio.TimeoutError(), "this took too long, and was given up", "try again when"),
        (KeyNotFound("gone", hint="look"), "could not be checked: KeyNotFound: gone", "look"),
    ],
)
async def test_a_check_that_fails_is_a_finding(
    source: ClientSource, error: Exception, text: str, cure: str
) -> None:
    async def failing(patient: Patient) -> AsyncGenerator[Finding, None]:
        yield fine("this was found before")
        raise error

    first, last = await findings_of(Check("Failing", failing), _patient(source))
    assert first.text == "this was found before"
    assert (last.verdict, last.text) == ("unchecked", text)
    assert last.cure.startswith(cure)


async def test_a_check_that_takes_too_long_is_given_up(
    source: ClientSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(patient: Patient) -> AsyncGenerator[Finding, None]:
        yield fine("begun")
        await asyncio.Event().wait()

    monkeypatch.setattr(checking, "_PATIENCE", 0.01)
    findings = await findings_of(Check("Endless", endless), _patient(source))
    assert [finding.text for finding in findings] == ["begun", "this took too long, and was given up"]


async def test_what_fails_here_is_a_finding_too(
    source: ClientSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> Any:
        raise OSError("no disk")

    monkeypatch.setattr(checking, "_HERE", (("Python", failing),))
    report = await acheck(models=())
    assert report.findings[0].text == "could not be checked: OSError: no disk"


async def test_progress_is_told(source: ClientSource) -> None:
    told: list[tuple[int, int | None]] = []
    await acheck(models=(), told=lambda done, total: told.append((done, total)))
    assert told == [(number, len(checking.CHECKS)) for number in range(1, len(checking.CHECKS) + 1)]
