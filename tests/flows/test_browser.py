"""Pages in a real browser: a flow run, its artifacts, the forms, the report, the data docs.

SEQTAG_SCREENSHOTS names a folder for screenshots; those of README and guides are in docs/.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows import stack
from flows.services import process_manager
from seqtag.config import Settings
from seqtag.run_dir import RunDir
from seqtag.steps import Workspace
from tests.live_services import bare_checkout, begin, client_of, until_final, until_suspended

pytestmark = pytest.mark.slow
WIDTH, HEIGHT = 1280, 900
PHONE = {"width": 390, "height": 844}  # CSS pixels
CHECKOUT = Path(__file__).resolve().parents[2]
MORE = '[approval]\nrequired = true\n[schedule]\ncron = "0 2 * * *"\nmonitor = "0 6 * * *"\n'


@dataclass(frozen=True)
class Site:
    workspace: Workspace
    dashboard: str
    registry: str
    pages: str
    run: Any  # id of the flow run

    def artifact(self, key: str) -> str:
        with client_of(self.dashboard) as client:
            latest = {found.key: found.latest_id for found in client.read_latest_artifacts()}
        return f"{self.dashboard}/v2/artifacts/artifact/{latest[key]}"

    @property
    def run_dir(self) -> RunDir:
        (report,) = self.workspace.home.runs("sample").glob("*/report/report.html")
        return RunDir(report.parents[1])

    def page(self, path: Path) -> str:
        return f"{self.pages}/runs/sample/{self.run_dir.id}/{path.relative_to(self.run_dir.path)}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: .[browser]")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium on the path")
    quiet = [
        "--no-sandbox",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
    ]
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=quiet)
        yield chromium
        chromium.close()


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    yield tab
    tab.close()


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Services with the sample tagger, whose retraining is waiting for approval."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as monkeypatch:
        checkout = bare_checkout(folder / "checkout", monkeypatch)
        monkeypatch.setenv("SEQTAG_HOME", str(folder / "home"))
        sample = (CHECKOUT / "deployments" / "taggers" / "sample.toml").read_text()
        (checkout / "deployments" / "taggers" / "sample.toml").write_text(
            sample.partition("[schedule]")[0] + MORE
        )
        workspace = Workspace.of(Settings())
        dashboard, _ = stack.up(workspace, checkout=checkout)
        run = begin(dashboard, "retrain/sample")
        until_suspended(dashboard, run)
        urls = {name: process_manager.running(workspace.home, name).url for name in ("registry", "pages")}
        yield Site(workspace, dashboard, urls["registry"], urls["pages"], run)
        stack.down(workspace.home)


@pytest.fixture(scope="module")
def promoted(asked: Site, browser: Any) -> Site:
    """The same site after somebody approved the model."""
    tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    tab.goto(f"{asked.dashboard}/runs/flow-run/{asked.run}")
    tab.get_by_role("button", name="Resume").click()
    tab.get_by_text("Promote this model of sample?").wait_for()
    tab.wait_for_timeout(1000)  # until the form has faded in
    picture(tab, "approval")
    tab.locator(".schema-form-property-input .p-select-button__control").first.press("Space")
    tab.locator(".p-select-option", has_text="approve").click()
    tab.locator("textarea").nth(0).fill("Ada")
    tab.locator("textarea").nth(1).fill("looks right")
    tab.get_by_role("button", name="Submit").click()
    tab.close()
    assert until_final(asked.dashboard, asked.run).state.name == "Promoted"
    return asked


def test_the_answer_of_the_form_is_in_the_ledger(promoted: Site) -> None:
    (entry,) = promoted.workspace.registry().history("sample")
    assert entry.sentence.endswith("Approved by Ada (name as typed): looks right")


def test_the_page_of_a_run_shows_its_verdict_and_its_tasks(promoted: Site, tab: Any) -> None:
    tab.goto(f"{promoted.dashboard}/v2/runs/flow-run/{promoted.run}")
    tab.get_by_text("Promoted").first.wait_for()
    tab.wait_for_timeout(3000)  # until the timeline is drawn
    picture(tab, "run")
    tab.get_by_role("tab", name="Task Runs").click()
    tab.get_by_text("promote sample").first.wait_for()
    tab.get_by_role("tab", name="Artifacts").click()
    for key in ("retrain-sample", "scores-sample", "training-sample"):
        tab.get_by_text(key).first.wait_for()


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("retrain-sample", ["PROMOTE", "Decided by", "Next steps", "seqtag history sample"]),
        ("data-sample", ["Accepted", "Validation", "broken_sequence"]),
        ("scores-sample", ["token accuracy", "F1 of browsing", "Most frequent confusions"]),
        ("quarantine-sample", ["No sequence is in quarantine."]),
    ],
)
def test_an_artifact_is_shown(promoted: Site, tab: Any, key: str, said: list[str]) -> None:
    tab.goto(promoted.artifact(key))
    for text in said:
        tab.get_by_text(text).first.wait_for()
    picture(tab, f"artifact-{key.removesuffix('-sample')}")


@pytest.mark.parametrize("section", ["Learning curves", "Confusions"])
def test_the_card_links_to_a_picture_in_the_report(promoted: Site, tab: Any, section: str) -> None:
    tab.goto(promoted.artifact("retrain-sample"))
    link = tab.get_by_role("link", name=section).first
    link.wait_for()
    tab.goto(link.get_attribute("href"))
    image = tab.locator(":target img[src^='data:image/svg']").first
    image.wait_for()
    assert image.evaluate("image => image.naturalWidth") > 300


def test_the_card_links_to_the_report(promoted: Site, tab: Any) -> None:
    tab.goto(promoted.artifact("retrain-sample"))
    link = tab.get_by_role("link", name="Report", exact=True)
    assert link.get_attribute("href") == promoted.page(promoted.run_dir.report)
    tab.goto(link.get_attribute("href"))
    tab.get_by_role("heading", level=1).first.wait_for()
    assert "sample" in tab.title()


def test_a_deployment_has_a_form_that_describes_each_parameter(promoted: Site, tab: Any) -> None:
    with client_of(promoted.dashboard) as client:
        deployment = client.read_deployment_by_name("retrain/sample")
    tab.goto(f"{promoted.dashboard}/deployments/deployment/{deployment.id}/run")
    for text in ("Steps to run even if nothing", "Day of the retraining", "Path of the tagger's TOML file"):
        tab.get_by_text(text).first.wait_for()
    picture(tab, "deployment")


def test_the_report_can_be_read_on_a_phone_and_printed(promoted: Site, tab: Any, tmp_path: Path) -> None:
    tab.goto(promoted.page(promoted.run_dir.report))
    picture(tab, "report")
    tab.set_viewport_size(PHONE)
    assert tab.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    picture(tab, "report-phone")
    tab.pdf(path=tmp_path / "report.pdf", format="A4")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_data_docs_list_the_expectations(promoted: Site, tab: Any) -> None:
    tab.goto(promoted.page(promoted.run_dir.data_docs))
    tab.get_by_text("broken_sequence").first.wait_for()
    picture(tab, "data-docs")


def test_the_registry_shows_the_champion(promoted: Site, tab: Any) -> None:
    tab.goto(f"{promoted.registry}/#/models/sample")
    tab.get_by_text("champion").first.wait_for()
    picture(tab, "registry")


def picture(tab: Any, name: str) -> None:
    folder = os.environ.get("SEQTAG_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tab.screenshot(path=Path(folder) / f"{name}.png")
