"""Imports point down."""

from __future__ import annotations

import re

import pytest

from tests.architecture.layers import (
    RAPYER,
    RAPYER_NB,
    ROOT,
    first_party_imports,
    imports_of,
    table,
    violations,
)


def test_rapyer_imports_point_down() -> None:
    assert violations(imports_of("rapyer"), RAPYER) == []


def test_rapyer_nb_imports_point_down() -> None:
    assert violations(imports_of("rapyer_nb"), RAPYER_NB) == []


def test_views_and_parsing_know_nothing_of_ipython() -> None:
    for part in ("views", "parsing"):
        for path in (ROOT / "rapyer_nb" / part).rglob("*.py"):
            assert not re.search(
                r"^\s*(from|import) IPython", path.read_text(encoding="utf-8"), re.MULTILINE
            ), path


def test_rapyer_knows_nothing_of_notebooks() -> None:
    assert [one for one in imports_of("rapyer") if one.target.startswith("rapyer_nb")] == []


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("rapyer.types.list", "from rapyer.model.state import StoredModel", "stands no lower"),
        ("rapyer.model.load", "from rapyer.search.find import find", "stands no lower"),
        ("rapyer.errors.base", "import rapyer.config", "stands no lower"),
        ("rapyer_nb.views.table", "import rapyer_nb.magics.find", "stands no lower"),
        ("rapyer.search.find", "def f():\n    from rapyer.errors import RapyerError", "inside a function"),
    ],
)
def test_the_check_sees_an_import_that_points_up(module: str, source: str, complaint: str) -> None:
    layers = RAPYER_NB if module.startswith("rapyer_nb") else RAPYER
    broken = violations(first_party_imports(source, module), layers)
    assert len(broken) == 1
    assert complaint in broken[0]


def test_the_check_lets_imports_for_type_checkers_pass() -> None:
    source = (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from rapyer.base import AtomicRedisModel"
    )
    assert violations(first_party_imports(source, "rapyer.errors.base"), RAPYER) == []


def test_the_documented_layers_are_the_checked_ones() -> None:
    documented = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert table(RAPYER) in documented
    assert table(RAPYER_NB) in documented
