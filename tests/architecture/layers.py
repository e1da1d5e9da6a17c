"""The layers of both packages, and what breaks them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

# From the bottom up. A unit may import units of the rows above its own, and of its own row only what is
# listed in SIDEWAYS.
RAPYER: tuple[tuple[str, ...], ...] = (
    ("rapyer.errors",),
    ("rapyer.actions", "rapyer.config", "rapyer.fields", "rapyer.result", "rapyer.distribution"),
    ("rapyer.codec", "rapyer.scripts", "rapyer.commands"),
    ("rapyer.session",),
    ("rapyer.types", "rapyer.live"),
    ("rapyer.model", "rapyer.search"),
    (
        "rapyer.metaclass",
        "rapyer.yielding",
        "rapyer.finding",
        "rapyer.querying",
        "rapyer.collection",
        "rapyer.base",
        "rapyer.functions",
        "rapyer.relations",
        "rapyer.cascade",
        "rapyer.frames",
        "rapyer.reducers",
        "rapyer.lifecycle",
        "rapyer.watching",
        "rapyer",
    ),
)
RAPYER_NB: tuple[tuple[str, ...], ...] = (
    (
        "rapyer_nb.errors",
        "rapyer_nb.interrupts",
        "rapyer_nb.origin",
        "rapyer_nb.importing",
        "rapyer_nb.server",
        "rapyer_nb.live",
        "rapyer_nb.awaiting",
        "rapyer_nb.progress",
    ),
    (
        "rapyer_nb.bridge",
        "rapyer_nb.parsing",
        "rapyer_nb.views",
        "rapyer_nb.assigning",
        "rapyer_nb.settings",
        "rapyer_nb.sources",
        "rapyer_nb.state",
        "rapyer_nb.widgets",
        "rapyer_nb.tracing",
        "rapyer_nb.charts",
        "rapyer_nb.snapshots",
        "rapyer_nb.racing",
        "rapyer_nb.seeing",
        "rapyer_nb.doctor",
    ),
    (
        "rapyer_nb.magics",
        "rapyer_nb.notebooks",
        "rapyer_nb.indexes",
        "rapyer_nb.checkups",
        "rapyer_nb.pytest_plugin",
    ),
    ("rapyer_nb.completing",),
    ("rapyer_nb.extension", "rapyer_nb.cli"),
    ("rapyer_nb.api", "rapyer_nb.__main__", "rapyer_nb"),
)
SIDEWAYS: dict[str, set[str]] = {
    "rapyer.config": {"rapyer.actions"},
    "rapyer.commands": {"rapyer.codec", "rapyer.scripts"},
    "rapyer.search": {"rapyer.model"},
    "rapyer.yielding": {"rapyer.finding", "rapyer.metaclass"},
    "rapyer.querying": {"rapyer.finding"},
    "rapyer.collection": {"rapyer.querying"},
    "rapyer.base": {"rapyer.collection", "rapyer.metaclass", "rapyer.yielding"},
    "rapyer.functions": {"rapyer.base", "rapyer.finding"},
    "rapyer.relations": {"rapyer.base", "rapyer.finding", "rapyer.functions"},
    "rapyer.lifecycle": {"rapyer.base"},
    "rapyer.watching": {"rapyer.base", "rapyer.functions"},
    "rapyer": {
        "rapyer.base",
        "rapyer.functions",
        "rapyer.relations",
        "rapyer.lifecycle",
        "rapyer.watching",
    },
    "rapyer_nb.state": {"rapyer_nb.settings", "rapyer_nb.sources"},
    "rapyer_nb.tracing": {"rapyer_nb.views"},
    "rapyer_nb.charts": {"rapyer_nb.views"},
    "rapyer_nb.snapshots": {"rapyer_nb.views"},
    "rapyer_nb.racing": {"rapyer_nb.snapshots", "rapyer_nb.views"},
    "rapyer_nb.seeing": {"rapyer_nb.snapshots", "rapyer_nb.views"},
    "rapyer_nb.doctor": {"rapyer_nb.seeing", "rapyer_nb.sources", "rapyer_nb.views"},
    "rapyer_nb.widgets": {"rapyer_nb.seeing", "rapyer_nb.views"},
}


@dataclass(frozen=True)
class Import:
    """One first-party import of a module."""

    module: str
    target: str
    line: int
    inside_function: bool


def first_party_imports(source: str, module: str) -> list[Import]:
    """Return the imports of rapyer and rapyer_nb in a module's text, those for type checkers left out."""
    found: list[Import] = []

    def visit(node: ast.AST, inside: bool) -> None:
        if (
            isinstance(node, ast.If)
            and "TYPE_CHECKING" in ast.unparse(node.test)
            and "not" not in ast.unparse(node.test)
        ):
            for other in node.orelse:
                visit(other, inside)
            return
        targets: list[str] = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            targets = [f"{node.module}.{alias.name}" for alias in node.names]
        ours = (target for target in targets if target.split(".")[0] in {"rapyer", "rapyer_nb"})
        found.extend(Import(module, target, node.lineno, inside) for target in ours)
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(ast.parse(source), inside=False)
    return found


def unit_of(dotted: str, units: set[str]) -> str:
    """Return the unit of the layer table that a module or a name in it belongs to."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        candidate = ".".join(parts[:length])
        if candidate in units:
            return candidate
    raise LookupError(f"{dotted} stands in no row of the layer table")


def violations(imports: list[Import], layers: tuple[tuple[str, ...], ...]) -> list[str]:
    """Return a line for each import that does not point down."""
    level = {unit: number for number, row in enumerate(layers) for unit in row}
    packages = {unit.split(".")[0] for unit in level}
    broken = []
    for one in imports:
        if one.target.split(".")[0] not in packages:
            continue  # rapyer_nb stands on all of rapyer; the other way is a test of its own
        if one.inside_function:
            broken.append(f"{one.module}:{one.line} imports {one.target} inside a function")
            continue
        source, target = unit_of(one.module, set(level)), unit_of(one.target, set(level))
        if source == target or level[target] < level[source] or target in SIDEWAYS.get(source, set()):
            continue
        broken.append(f"{one.module}:{one.line} imports {one.target}, which stands no lower")
    return broken


def imports_of(package: str) -> list[Import]:
    """Return all first-party imports of a package."""
    found: list[Import] = []
    for path in sorted((ROOT / package).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found += first_party_imports(path.read_text(encoding="utf-8"), module)
    return found


def table(layers: tuple[tuple[str, ...], ...]) -> str:
    """Return the layers as a Markdown table, the top one first."""
    rows = [f"| {number} | {', '.join(f'`{unit}`' for unit in row)} |" for number, row in enumerate(layers)]
    return "\n".join(["| layer | packages and modules |", "| --- | --- |", *reversed(rows)])
