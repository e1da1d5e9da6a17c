"""The guide to testing: its examples are a test file that passes, as they are, for somebody who has the package."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.integration.test_documents import ROOT, examples

if TYPE_CHECKING:
    from pathlib import Path


def test_the_guides_tests_pass_by_themselves(tmp_path: Path) -> None:
    (tmp_path / "test_basket.py").write_text("\n\n".join(examples("docs/howto/test_your_code.md")))
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
    )
    words = ["-q", "-W", "error", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout
