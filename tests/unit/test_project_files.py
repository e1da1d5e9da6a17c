"""The files around the project: forms are sound, links lead somewhere, and each address is that of the project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from tests.unit.test_badges import badges

ROOT = Path(__file__).parents[2]
FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(
        page
        for folder in ("explanation", "howto", "migration")
        for page in (ROOT / "docs" / folder).glob("*.md")
    ),
]
_FENCE = re.compile(r"^(```+).*?^\1", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ELEMENTS = {"markdown", "textarea", "input", "dropdown", "checkboxes"}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _prose(path: Path) -> str:
    return re.sub(r"`[^`\n]*`", "", _FENCE.sub("", _text(path)))


def _anchors(path: Path) -> set[str]:
    text = _FENCE.sub("", _text(path))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    named = re.findall(r'<a id="([^"]+)"', text)
    slugs = [
        re.sub(r"[^\w\- ]", "", re.sub(r"<[^>]*>", "", one).lower()).replace(" ", "-") for one in headings
    ]
    return {*named, *slugs}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    broken = []
    for link in _LINK.findall(_prose(page)):
        if "://" in link:
            continue
        name, _, anchor = unquote(link).partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_the_forms_of_issues_are_sound(name: str) -> None:
    form: dict[str, Any] = yaml.safe_load(_text(FORMS / f"{name}.yml"))
    assert set(form) == {"name", "description", "labels", "body"}
    ids = [element["id"] for element in form["body"] if element["type"] != "markdown"]
    assert len(ids) == len(set(ids))
    for element in form["body"]:
        assert element["type"] in _ELEMENTS
        assert element["attributes"].get("value" if element["type"] == "markdown" else "label")
        if element["type"] == "dropdown":
            assert len(element["attributes"]["options"]) > 1
    assert any(element.get("validations", {}).get("required") for element in form["body"])


def test_questions_and_weaknesses_have_places_of_their_own() -> None:
    config = yaml.safe_load(_text(FORMS / "config.yml"))
    assert config["blank_issues_enabled"] is False
    targets = [link["url"].rpartition(f"{badges.repository()}/")[2] for link in config["contact_links"]]
    assert targets == ["discussions", "security/advisories/new"]
    assert all(link["name"] and link["about"] for link in config["contact_links"])


def test_every_address_of_the_repository_is_that_of_the_project() -> None:
    files = [*PAGES, *FORMS.glob("*.yml"), ROOT / "pyproject.toml"]
    named = {
        found
        for file in files
        for found in re.findall(r"https://github\.com/[\w.-]+/rapyer[\w.-]*", _text(file))
    }
    assert named == {f"https://github.com/{badges.repository()}"}


def test_the_guide_for_contributors_says_what_the_readme_says() -> None:
    guide, readme = _text(ROOT / "CONTRIBUTING.md"), _text(ROOT / "README.md")
    (install,) = re.findall(r"^python3 -m venv .*$", guide, re.MULTILINE)
    assert f"\n{install}\n" in readme
    named = re.findall(r"(?:python|pytest) ((?:docs|binder|tests)/[\w/.]+\w)", guide)
    assert len(named) >= 6
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_changelog_has_the_kinds_of_changes_that_its_form_has() -> None:
    text = _text(ROOT / "CHANGELOG.md")
    versions = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert versions[0] == "[Unreleased]"
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert re.search(r"^\[Unreleased\]: https://", text, re.MULTILINE)
