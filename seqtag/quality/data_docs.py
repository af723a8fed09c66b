"""Data Docs that work offline: one inlined style sheet and no script.

Great Expectations renders the results; its page template, which loads a dozen external files, is replaced.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from seqtag.corpus import Profile, SourceRecord, assumptions, changes, warning_sentences
from seqtag.quality.expectations import METRICS, VIOLATIONS
from seqtag.quality.gx_validation import GXResult
from seqtag.quality.rule_verdicts import Evidence
from seqtag.quality.violation_text import Violation

INDEX = "index.html"
_TITLES = {
    METRICS: "Metrics of the splits",
    VIOLATIONS: "Violations of each rule",
    "tokens": "Expectations on tokens",
    "sequences": "Expectations on sequences",
}


def write_pages(profile: Profile, result: GXResult, evidence: Evidence, *, folder: Path) -> None:
    """Write `index.html` and one page per suite into `folder`."""
    folder.mkdir(parents=True)
    titles = {name: title for name, title in _TITLES.items() if name in result.results}
    links = [("Overview", INDEX), *((title, f"{name}.html") for name, title in titles.items())]
    (folder / INDEX).write_text(_overview(profile, evidence.violations, links), "utf-8")
    metrics = evidence.metrics.to_dict("split")
    for name, title in titles.items():
        table = metrics if name == METRICS else None
        (folder / f"{name}.html").write_text(_results(result, name, title, links, table), "utf-8")


def _overview(profile: Profile, violations: Sequence[Violation], links: list[tuple[str, str]]) -> str:
    examples = defaultdict(list)
    for violation in violations:
        examples[violation.rule].append(violation)
    pages = Environment(
        loader=PackageLoader("seqtag.quality", "templates"), autoescape=True, undefined=StrictUndefined
    )
    return pages.get_template("overview.html").render(
        title="Overview",
        links=links,
        profile=profile,
        examples=examples,
        sources=list(map(_source, profile.sources)),
    )


def _source(record: SourceRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "n_sequences": record.n_sequences,
        "assumed": assumptions(record),
        "changed": ", ".join(changes(record)),
        "warnings": warning_sentences(record),
    }


def _results(
    result: GXResult,
    name: str,
    title: str,
    links: list[tuple[str, str]],
    table: Mapping[str, Any] | None,
) -> str:
    """Render the results of one suite with Great Expectations' renderers into seqtag's page template."""
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

    document = ValidationResultsPageRenderer(run_info_at_end=True).render(result.results[name])
    sections = [
        section for section in document.sections if section.section_name not in ("Overview", "Run Info")
    ]
    view = DefaultJinjaPageView()
    own, upstream = PackageLoader("seqtag.quality", "templates"), view.env.loader
    view.env.loader = ChoiceLoader([own, *([upstream] if upstream else [])])
    return view.env.get_template("results.html").render(
        sections=[s.to_json_dict() for s in sections], title=title, links=links, table=table
    )
