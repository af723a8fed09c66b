"""The report page: its text, and its safety in a browser."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from seqtag.config import TaggerConfig
from seqtag.evaluation import Metrics, TrainingHistory
from seqtag.evaluation.scores import ConfusionMatrix
from seqtag.features import Coverage
from tests.sample_records import sample_corpus_changes

VOID = {"meta", "img", "br", "line", "circle", "rect", "link", "input"}


class Page(HTMLParser):
    """The elements and visible text of a page; checks that all elements are closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def with_tags(metrics: Metrics, tags: list[str]) -> Metrics:
    """Return metrics with other tags in the challenger's confusion matrix."""
    confusion = replace(metrics.challenger.confusion, tags=tags)
    return replace(metrics, challenger=replace(metrics.challenger, confusion=confusion))


def test_the_page_reports_batches_halved_for_lack_of_memory(report, context):
    assert "out of memory" not in report()
    assert "at most 64 tokens, including padding" in report(context=replace(context, max_batch_tokens=64))


def test_the_page_reports_the_origin_of_dev_and_the_ambiguity(report):
    page = Page(report())

    assert "Dev: 10 sequences split off from 90 labelled train." in page.text
    assert (
        "Ambiguous: 5 of 100 sequences (5.00%), with 2.00% of the tokens, also occur with other tags "
        "(5.0% of train, 5.0% of dev, 5.0% of test)."
    ) in page.text


def test_the_verdict_and_its_sentence_come_first(report):
    page = Page(report())

    assert page.text.index("HOLD") < page.text.index("Scores on test")
    assert "Accuracy 93.0% against champion v3's 91.0% on 10 sequences." in page.text
    assert page.open == []


def test_identical_inputs_produce_identical_bytes(report):
    assert report() == report()


def test_corpus_text_cannot_run_as_a_script(report):
    html = report()
    page = Page(html)

    assert "<script" not in html.lower()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert "default-src 'none'" in html


def test_the_page_loads_no_external_resource(report):
    page = Page(report())

    sources = [a["src"] for _, a in page.elements if "src" in a]
    assert len(sources) == 3
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    assert not [tag for tag, _ in page.elements if tag in ("link", "iframe", "object", "embed", "script")]
    assert "url(" not in report()
    assert "@import" not in report()


def test_pictures_have_alternative_text(report):
    pictures = [a for tag, a in Page(report()).elements if tag == "img"]

    assert pictures[0]["alt"] == "Token accuracy on dev: 80 at epoch 1, 92 at epoch 3 (token accuracy, %)."
    assert all(picture["alt"] for picture in pictures)


def test_a_dollar_in_a_tag_is_not_a_formula(report):
    confusion = [a["src"] for tag, a in Page(report()).elements if tag == "img"][-1]
    svg = base64.b64decode(confusion.split(",")[1]).decode()

    assert ">PRP$<" in svg
    assert "&lt;script&gt;alert(1)&lt;/scr…" in svg


def test_a_control_character_in_a_tag_leaves_the_picture_well_formed(report, metrics):
    html = report(metrics=with_tags(metrics, ["a\x1b", "b--c", "d\n"]))

    confusion = [a["src"] for tag, a in Page(html).elements if tag == "img"][-1]

    ElementTree.fromstring(base64.b64decode(confusion.split(",")[1]))  # noqa: S314 - own picture


def test_a_tag_in_any_script_is_drawn_without_a_warning(report, metrics):
    report(metrics=with_tags(metrics, ["名詞", "فعل", "😀"]))


def test_the_page_shows_what_changed_in_the_corpus(report):
    page = report(corpus=sample_corpus_changes())
    numbers = "".join(f'<td class="n">{n}</td>' for n in ("1,300", "1,302", "4", "2", "0", "17"))
    assert "<h3>Since the run of version 3</h3>" in page
    assert f'<tr><th scope="row">test</th>{numbers}</tr>' in page
    assert "1 document new, 2 documents removed." in page
    text = Page(page).text
    assert "source before now difference a.conll 1,000 1,012 +12 b.conll 0 7 new c.conll 9 9 none" in text
    assert "LOC 50.0% → 50.0% 50 → 50 50.0% → 50.0% 50 → 50 40.0% → 25.0% 40 → 25 PER" in text
    assert "Since the run of" not in report()


def test_key_figures_have_interval_and_support(report):
    text = Page(report()).text

    assert "token accuracy, this model 93.0% 95% interval 91.0 to 95.0%" in text
    assert "token accuracy, champion 91.0% 95% interval 89.0 to 93.0%, version 3" in text
    assert "difference +2.0 points 95% interval −1.0 to +5.0 points; better in 88.0% of resamples" in text  # noqa: RUF001
    assert "evaluated on 10 test sequences in 8 documents, 100 tokens" in text


def test_tags_are_sorted_by_support(report):
    text = Page(report()).text
    table = text[text.index("Tokens of each tag, most frequent first") :]

    assert table.index("browsing") < table.index("<script>") < table.index("PRP$")


def test_the_best_possible_score_is_shown_next_to_the_model(report):
    text = Page(report()).text

    assert "18.0 points above the best score possible from the past alone" in text  # 93 - 75
    assert "It achieves 90.0% of the gain that the rest of the sequence allows" in text  # 18 of 20
    assert "best from the past alone 75.0% exact 73.0%" in text


def test_a_model_below_the_best_from_the_past_is_reported(report, optimum):
    text = Page(report(optimum=replace(optimum, past_only_realised=0.92))).text

    assert "not clearly above the best score possible from the past alone" in text


def test_a_corpus_of_unknown_origin_has_no_best_possible_score(report):
    assert "best possible" not in Page(report(optimum=None)).text.lower()


def test_the_first_of_the_best_epochs_is_kept(report):
    assert "The weights of epoch 2 were kept" in Page(report()).text


def test_a_run_without_epochs_is_reported(report):
    assert "No epoch was recorded." in Page(report(history=TrainingHistory([]))).text


def test_spans_are_scored_by_type_in_both_modes(report, span_metrics):
    text = Page(report(metrics=span_metrics, optimum=None)).text

    assert "By type" in text
    assert "micro, conlleval" in text
    assert "micro, strict" in text
    assert text.index("PER 20") < text.index("LOC 10")


def test_a_slice_of_gold_spans_shows_recall(report, span_metrics):
    text = Page(report(metrics=span_metrics, optimum=None)).text

    assert "gold span sequences tokens documents span recall interval" in text
    assert "unseen in train 4 30 8 40.0% 38.0 to 42.0%" in text


def test_a_champion_that_could_not_be_scored_is_given_as_the_reason(report, metrics, decision):
    text = Page(
        report(
            metrics=replace(metrics, champion=None, champion_error="weights.npz: another digest"),
            decision=replace(decision, difference=None, p_better=None, champion=None),
        )
    ).text

    assert "The champion could not be scored, so nothing was promoted: weights.npz: another digest" in text


def test_a_first_model_has_no_champion_column(report, metrics, decision):
    metrics = replace(metrics, champion=None, champion_version=None)
    first = replace(decision, difference=None, p_better=None, champion=None, champion_version=None)

    text = Page(report(metrics=metrics, decision=first)).text

    assert "no champion yet" in text
    assert "challenger minus champion" not in text


def test_the_most_confused_of_many_tags_are_drawn(report, metrics):
    tags = [f"T{i}" for i in range(60)]
    counts = [[100 if i == j else 0 for j in range(60)] for i in range(60)]
    counts[41][43] = 7
    challenger = replace(metrics.challenger, confusion=ConfusionMatrix(tags, counts))

    html = report(metrics=replace(metrics, challenger=challenger))

    confusion = [a["src"] for tag, a in Page(html).elements if tag == "img"][-1]
    svg = base64.b64decode(confusion.split(",")[1]).decode()
    assert ">T41<" in svg
    assert ">T43<" in svg
    assert ">T59<" not in svg
    assert "The 19 tags with the most errors are shown; 41 more are grouped" in Page(html).text


def test_a_few_quarantined_sequences_are_shown_for_each_reason(report):
    text = Page(report()).text

    assert "2 sequences quarantined, 1.0% of the corpus; the budget is 2.0%" in text
    assert "3 examples" in text
    assert "train#18 row 17 unknown tag go browsing <script>alert(1)</script> nap no token no tag" in text


def test_the_configuration_in_the_report_is_reusable(report):
    config = TaggerConfig.model_validate(
        {
            "name": "shop",
            "corpus": {"sources": [{"format": "sample", "seed": 3}]},
            "quality": {"rules": {"over_long": "off"}},
        }
    )

    html = report(config=config.model_dump(mode="json"))

    shown = Page(html).words
    toml = next(words for words in shown if 'name = "shop"' in words)
    assert TaggerConfig.model_validate(tomllib.loads(toml)) == config


def test_the_report_gives_digests_versions_and_links_for_reproduction(report):
    html = report()

    assert "9c1e2b7a44d0e8f1" in html
    assert re.search(r"keras</th><td><code>3\.15\.1", html)
    assert 'href="../validate/data_docs/index.html"' in html
    assert "python -m flows.retrain shop.toml" in html


def test_the_registered_version_is_named_for_reproduction(report, context):
    @dataclass(frozen=True)
    class Registered:
        version: str
        tracked_run_id: str
        experiment_id: str
        serving: str
        verdict: str

    registered = Registered("7", "5e1f", "12", "ab" * 32, "PROMOTE")

    text = Page(report(context=replace(context, registration=registered))).text

    assert "registry: experiment id 12 registry: serving abab" in text
    assert "registry: tracked run id 5e1f registry: verdict PROMOTE registry: version 7 keras" in text
    assert "registry:" not in Page(report()).text


def test_the_coverage_of_static_vectors_is_given_in_percent(report, context):
    text = Page(report(context=replace(context, vectors=Coverage(types=0.5, tokens=0.9)))).text

    assert "Static vectors cover 50.0% of the word types of train and 90.0% of its tokens." in text
    assert "Static vectors" not in Page(report()).text


def test_importing_the_package_loads_no_matplotlib():
    check = "import sys, seqtag.reporting; sys.exit('matplotlib' in sys.modules or 'jinja2' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.parametrize("verdict", ["PROMOTE", "HOLD", "REJECT"])
def test_every_verdict_has_a_badge(report, decision, verdict):
    html = report(decision=replace(decision, verdict=verdict))

    assert f'class="verdict {verdict}"' in html


def test_the_page_describes_what_would_have_been_promoted(report, decision):
    html = report(decision=decision)
    assert "<li>a difference above +3.50 points instead of +2.00</li>" in html
    assert "would be promoted" not in report(decision=replace(decision, would_pass=[]))
