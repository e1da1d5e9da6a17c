"""All findings, as a view, as text, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from rapyer_nb.doctor.finding import SIGNS
from rapyer_nb.views.brief import printable
from rapyer_nb.views.markup import Markup, element, joined
from rapyer_nb.views.note import counted, lasted
from rapyer_nb.views.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer_nb.doctor.finding import Finding, Verdict

_WIDE: Final = "max-width:60em"
_SHOWN: Final = 20
_WORST_FIRST: Final = ("broken", "warning", "unchecked", "fine")


@dataclass(frozen=True, slots=True)
class Section:
    """The findings about one topic.

    Attributes:
        title: The topic.
        findings: What was found.
    """

    title: str
    findings: tuple[Finding, ...]

    @property
    def shown(self) -> tuple[Finding, ...]:
        """Those that are shown: all, or the worst where there are very many."""
        ranked = sorted(self.findings, key=lambda finding: _WORST_FIRST.index(finding.verdict))
        chosen = set(map(id, ranked[:_SHOWN]))
        return tuple(finding for finding in self.findings if id(finding) in chosen)

    @property
    def more(self) -> str:
        """What is said of the others, if there are any."""
        left = len(self.findings) - len(self.shown)
        return f"and {left:,} more, not shown; as JSON there are all" if left else ""


@dataclass(frozen=True, repr=False)
class Report(View):
    """What was found.

    Attributes:
        sections: The topics, in order.
        seconds: How long it took.
    """

    sections: tuple[Section, ...]
    seconds: float = 0.0

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, in order."""
        return tuple(finding for section in self.sections for finding in section.findings)

    @property
    def is_broken(self) -> bool:
        """Whether something does not work."""
        return any(finding.verdict == "broken" for finding in self.findings)

    def of(self, verdict: Verdict) -> tuple[Finding, ...]:
        """Return the findings of one verdict."""
        return tuple(finding for finding in self.findings if finding.verdict == verdict)

    def text(self) -> str:
        """Return a line for each finding, with its cure below, in sections."""
        lines: list[str] = []
        for section in self.sections:
            lines += [*([""] if lines else []), printable(section.title)]
            for finding in section.shown:
                lines.append(f"  {finding.sign} {printable(finding.text)}")
                lines += [f"      {printable(finding.cure)}"] if finding.cure else []
            lines += [f"    {section.more}"] if section.more else []
        return "\n".join([*lines, "", self.summary()])

    def body(self) -> Markup:
        """Return one table of all, with the summary above."""
        rows = [row for section in self.sections for row in _rows(section)]
        table = element("table", element("caption", self.summary()), element("tbody", *rows))
        return table if rows else element("p", self.summary())

    def summary(self) -> str:
        """Return how many findings there are of each kind, in a line."""
        warnings, unseen = self.of("warning"), self.of("unchecked")
        counts = [
            f"{len(self.of('broken'))} broken" if self.is_broken else "nothing is broken",
            counted(len(warnings), "warning") if warnings else "",
            f"{len(unseen)} not checked" if unseen else "",
        ]
        told = ", ".join(filter(None, counts))
        return f"{counted(len(self.findings), 'finding')}: {told} ({lasted(self.seconds)})"

    def json(self) -> str:
        """Return all of it as JSON, for programs."""
        findings = [
            {"section": section.title, **asdict(finding)}
            for section in self.sections
            for finding in section.findings
        ]
        told = {verdict: len(self.of(verdict)) for verdict in SIGNS}
        whole = {"broken": self.is_broken, "counts": told, "seconds": self.seconds, "findings": findings}
        return json.dumps(whole, ensure_ascii=False, indent=2)


def _rows(section: Section) -> Iterator[Markup]:
    rows = len(section.shown) + bool(section.more)
    title = element("th", section.title, scope="rowgroup", rowspan=str(rows))
    for number, finding in enumerate(section.shown):
        sign = element("span", finding.sign, role="img", **{"aria-label": finding.verdict})
        cure = element("div", finding.cure, class_="rapyer-faint") if finding.cure else Markup()
        words = element("strong", finding.text) if finding.verdict in {"broken", "warning"} else finding.text
        told = element("td", joined(words, cure), style=_WIDE)
        yield element("tr", title if number == 0 else Markup(), element("td", sign), told)
    if section.more:
        yield element("tr", element("td"), element("td", section.more, class_="rapyer-faint"))
