"""`%rapyer_doctor`, and `rapyer_nb.diagnose`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import rapyer_nb
from rapyer.model.registry import registry
from rapyer_nb.doctor import CHECKS
from rapyer_nb.errors import NotebookError
from tests.nb.bars import watched_bars

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource
    from rapyer_nb.server import EmbeddedServer
    from tests.nb.notebook import Notebook


def test_all_models_that_are_known_are_looked_at(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_models", {"User": notebook["User"]})
    shown = notebook.cell("%rapyer_doctor")
    assert shown.error is None, shown.text
    assert "nothing is broken" in shown.text
    assert "User: all 2 documents looked at, each loads" in shown.text
    assert '<th rowspan="1" scope="rowgroup">Documents</th>' in shown.html


def test_its_value_is_a_report(notebook: Notebook) -> None:
    notebook.run("found = %rapyer_doctor User --sample 1")
    assert notebook.run("found.is_broken") is False
    assert "User: 1 of 2 documents looked at, each loads" in notebook.run("found.text()")


def test_another_connection_is_looked_at(notebook: Notebook, second: EmbeddedServer) -> None:
    notebook.run(f"%rapyer_connect {second.url} --alias other\n%rapyer_connect default")
    shown = notebook.cell("%rapyer_doctor User --alias other")
    assert "User: there are no documents" in shown.text
    assert f":{second.port}/0 answers" in shown.text


def test_a_server_that_is_not_there_is_a_finding(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_models", {"User": notebook["User"]})
    monkeypatch.setenv("RAPYER_REDIS_URL", "redis://:hidden@127.0.0.1:1/0")
    notebook.run("%reload_ext rapyer_nb")
    shown = notebook.cell("%rapyer_doctor")
    assert shown.error is None, shown.text
    assert "redis://:***@127.0.0.1:1/0 (from RAPYER_REDIS_URL) cannot be reached" in shown.text
    assert "hidden" not in shown.text


async def test_its_equal_in_python(source: ClientSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_models", {})
    bars = watched_bars(monkeypatch, "rapyer_nb.magics.doctor")
    report = await rapyer_nb.diagnose(sample=3)
    assert "could not be checked" not in report.text()
    assert bars[0].reached[-1] == (len(CHECKS), len(CHECKS))
    with pytest.raises(NotebookError, match="sample is a positive whole number, not 0"):
        await rapyer_nb.diagnose(sample=0)
    wrong: Any = 5
    with pytest.raises(NotebookError):
        await rapyer_nb.diagnose(wrong)
