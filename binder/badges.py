"""Writes the badges that open notebooks on Binder, and the README's table of them: `python binder/badges.py`.

The repository is that of `[project.urls]` in pyproject.toml: a fork changes it there, and runs this again.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
BRANCH = "HEAD"
"""What Binder builds: the newest state of the repository's default branch."""

BEGIN, END = "<!-- course: written by binder/badges.py -->", "<!-- end of the course -->"
_BADGE = re.compile(
    r"^\[!\[Binder\]\(https://mybinder\.org/badge_logo\.svg\)\]\([^)\s]*\)[ \t]*$", re.MULTILINE
)
_TITLE = re.compile(r"^# (?:\d+ · )?(.+)$", re.MULTILINE)
_TABLE = re.compile(re.escape(BEGIN) + r"\n.*?" + re.escape(END), re.DOTALL)


def repository(root: Path = ROOT) -> str:
    """Return the owner and the name of the repository, such as `owner/name`."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(\.git)?/?", project["urls"]["Repository"])
    if found is None:
        raise ValueError("pyproject.toml: the badges need an address of GitHub as [project.urls] Repository")
    return found[1]


def badge(name: str, repository: str) -> str:
    """Return the badge that opens a notebook.

    Args:
        name: The name of its file, such as `01_quickstart.ipynb`.
        repository: `owner/name`.
    """
    target = f"https://mybinder.org/v2/gh/{repository}/{BRANCH}?labpath=notebooks%2F{name}"
    return f"[![Binder](https://mybinder.org/badge_logo.svg)]({target})"


@dataclass(frozen=True)
class Notebook:
    """A notebook of the course.

    Attributes:
        path: Its file.
        title: Its first heading, without the number.
    """

    path: Path
    title: str

    @classmethod
    def read(cls, path: Path) -> Notebook:
        """Read the heading of a notebook."""
        found = _TITLE.search(_source(_first(json.loads(path.read_text(encoding="utf-8")))))
        if found is None:
            raise ValueError(f"{path.name} does not begin with a heading")
        return cls(path, found[1].strip())

    @property
    def number(self) -> str:
        """Its place in the course, as the name of the file begins."""
        return self.path.name.partition("_")[0]


def course(root: Path = ROOT) -> list[Notebook]:
    """Return the notebooks that are there, in their order."""
    return [Notebook.read(path) for path in sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))]


def with_badge(text: str, line: str) -> str:
    """Return the text of a notebook with a badge below its title, in place of one that is there.

    Args:
        text: The notebook, as JSON.
        line: The badge.
    """
    notebook = json.loads(text)
    cell = _first(notebook)
    source = _source(cell)
    if _BADGE.search(source):
        source = _BADGE.sub(lambda _: line, source, count=1)
    else:
        source = _TITLE.sub(lambda title: f"{title[0]}\n\n{line}", source, count=1)
    cell["source"] = source.splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def table(notebooks: list[Notebook], repository: str) -> str:
    """Return the table of the course, between its marks."""
    head = ["| | notebook | in the browser |", "| --- | --- | --- |"]
    rows = [
        f"| {one.number} | [{_in_a_table(one.title)}](notebooks/{name}) | {badge(name, repository)} |"
        for one in notebooks
        for name in [one.path.name]
    ]
    return "\n".join([BEGIN, "", *head, *rows, "", END])


def with_table(text: str, written: str) -> str:
    """Return the text of the README with this table in place of the one that is there."""
    found = _TABLE.search(text)
    if found is None:
        raise ValueError(f"the README has no place for the table: {BEGIN} … {END}")
    return text[: found.start()] + written + text[found.end() :]


def written(root: Path = ROOT) -> dict[Path, str]:
    """Return the files that have badges, each with the text that it is to have."""
    where, notebooks, readme = repository(root), course(root), root / "README.md"
    texts = {one.path: with_badge(_text(one.path), badge(one.path.name, where)) for one in notebooks}
    return texts | {readme: with_table(_text(readme), table(notebooks, where))}


def _in_a_table(text: str) -> str:
    return text.replace("|", r"\|")


def _first(notebook: dict[str, Any]) -> dict[str, Any]:
    cell: dict[str, Any] = notebook["cells"][0]
    return cell


def _source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


if __name__ == "__main__":
    for path, text in written().items():
        if _text(path) != text:
            path.write_text(text, encoding="utf-8")
