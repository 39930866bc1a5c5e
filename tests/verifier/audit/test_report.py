"""The HTML report in a real browser: nothing is loaded, nothing is run, both languages, and it prints."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright
from tests.rules.simulator import DAY, HOUR, STREAM, person
from tests.verifier.audit.conftest import Told

from custody.cli.main import run
from custody.rules import Stretch, StretchKind
from custody.v1 import record_pb2 as pb
from custody.verifier.custody_audit.zone import Zone
from custody.verifier.report.timeline_svg import WIDTH, Axis, axis_of, draw

CHROMIUM = Path("/usr/bin/chromium")
HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1200, "height": 1000})
    yield opened
    opened.close()


@pytest.fixture
def bad(told: Told) -> Told:
    """A log with every colour of the report: gaps, a hold, disposals under it, a poor access, hostile names."""
    world = told.world
    world.lawful("bj185", "cn799", operator=HOSTILE, title=HOSTILE)
    world.wait(HOUR)
    world.record(days=2, length=HOUR)
    world.tell(
        gap=pb.Gap(
            span=pb.Span(stream=STREAM, from_us=world.now, to_us=world.now + HOUR), reason=pb.GAP_REASON_MAINTENANCE
        )
    )
    world.wait(HOUR)
    world.record(days=1, length=HOUR)
    span = pb.Span(stream=STREAM, from_us=world.now - 4 * DAY, to_us=world.now)
    world.tell(hold_placed=pb.HoldPlaced(hold_id="H-7", case_number="C-7", spans=[span]))
    world.access(officers=[person("one", HOSTILE)])
    world.dispose(1, 3)
    told.write()
    return told


def render(told: Told, folder: Path, *options: str) -> Path:
    target = folder / "report.html"
    run(["audit", str(told.log.path), "--html", str(target), *options])
    return target


def opened(page: Page, file: Path) -> list[str]:
    """Everything that the page asked for or complained about, besides itself."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: complaints.append(request.url) if request.url != file.as_uri() else None)
    page.goto(file.as_uri())
    return complaints


def test_it_loads_nothing_and_speaks_both_languages(bad: Told, tmp_path: Path, page: Page) -> None:
    file = render(bad, tmp_path, "--key", bad.key)
    complaints = opened(page, file)
    assert page.locator("h1").inner_text() == "Custody audit report"
    assert "FINDINGS" in page.locator(".verdict").inner_text()
    assert page.get_by_text("a government department came with fewer than two officers").is_visible()
    assert not page.get_by_text("行政机关到场人员不足二人").is_visible()
    page.locator("label[for=lang-zh]").click()
    assert page.locator("h1").inner_text() == "保管核查报告"
    assert page.get_by_text("行政机关到场人员不足二人").is_visible()
    assert not page.get_by_text("a government department came with fewer than two officers").is_visible()
    for heading in (
        "概要",
        "已检查的内容",
        "发现",
        "各摄像机录像覆盖情况",
        "使用登记",
        "录像留存",
        "所引条款",
        "签字页",
    ):
        assert page.locator("h2", has_text=heading).first.is_visible()
    assert page.get_by_text("未检查的内容").is_visible()
    assert complaints == []


def test_it_opens_in_the_language_that_was_asked_for(bad: Told, tmp_path: Path, page: Page) -> None:
    opened(page, render(bad, tmp_path, "--key", bad.key, "--lang", "zh"))
    assert page.locator("h1").inner_text() == "保管核查报告"


def test_texts_of_the_log_stay_texts(bad: Told, tmp_path: Path, page: Page) -> None:
    file = render(bad, tmp_path, "--key", bad.key)
    assert opened(page, file) == []
    assert page.locator("script").count() == 0
    assert page.get_by_text(HOSTILE).first.is_visible()


def test_in_chinese_nothing_is_left_in_english(told: Told, tmp_path: Path, page: Page) -> None:
    told.world.lawful("bj185", "cn799")
    told.world.wait(3 * DAY + 4 * HOUR)
    told.world.access(officers=[person("one")])
    told.write()
    opened(page, render(told, tmp_path, "--lang", "zh"))
    text = page.locator("main").inner_text()
    assert "3 天 4 小时" in text
    assert not re.search(r"\d d \d\d:\d\d", text)
    reasons = page.locator("table.checks").inner_text()
    assert "未提供公钥" in reasons
    assert not re.search(r"[a-z]{3,} [a-z]{2,} [a-z]", reasons.replace("custody verify log", ""))


def test_the_timeline_shows_every_kind_and_says_it_in_words(bad: Told, tmp_path: Path, page: Page) -> None:
    opened(page, render(bad, tmp_path, "--key", bad.key))
    row = page.locator("table.coverage svg[role=img]")
    assert row.count() == 1
    for kind in ("recorded", "disposed", "declared-gap", "unexplained-gap", "held"):
        assert row.locator(f"path.{kind}").count() == 1
    words = row.locator("desc").text_content() or ""
    assert "unexplained gap" in words
    assert "未说明的中断" in words
    assert row.bounding_box()["width"] > 600  # type: ignore[index]


def test_marks_of_the_axis_stay_within_it(bad: Told, tmp_path: Path, page: Page) -> None:
    opened(page, render(bad, tmp_path, "--key", bad.key))
    axis = page.locator("table.coverage thead svg")
    box = axis.bounding_box()
    assert box is not None
    labels = axis.locator("text")
    assert {labels.nth(at).get_attribute("text-anchor") for at in range(labels.count())} == {"start", "middle", "end"}
    for at in range(labels.count()):
        label = labels.nth(at).bounding_box()
        assert label is not None
        assert box["x"] - 1 <= label["x"]
        assert label["x"] + label["width"] <= box["x"] + box["width"] + 1


def test_a_filing_without_a_number_shows_its_day_in_the_readers_zone(bad: Told, tmp_path: Path, page: Page) -> None:
    opened(page, render(bad, tmp_path, "--key", bad.key))
    assert page.get_by_role("cell", name="2026-01-01", exact=True).count() == 1  # midnight in Beijing


def test_every_cited_article_is_there(bad: Told, tmp_path: Path, page: Page) -> None:
    opened(page, render(bad, tmp_path, "--key", bad.key))
    links = page.locator("table.found a")
    assert links.count() > 3
    for place in range(links.count()):
        target = links.nth(place).get_attribute("href") or ""
        assert page.locator(target).count() == 1


def test_it_prints(bad: Told, tmp_path: Path, page: Page) -> None:
    opened(page, render(bad, tmp_path, "--key", bad.key))
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    assert printed.startswith(b"%PDF-")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 20
    assert b"/MediaBox [0 0 594" in printed or b"/MediaBox [0 0 595" in printed  # A4 in points
    page.emulate_media(media="print")
    assert not page.locator(".bar").is_visible()
    assert page.locator("h1").is_visible()


def test_what_was_not_checked_is_not_shown_as_fine(told: Told, tmp_path: Path, page: Page) -> None:
    told.world.lawful()
    told.write()
    opened(page, render(told, tmp_path))
    assert "NOT CHECKED" in page.locator(".verdict").inner_text()
    assert page.get_by_text("none was given: nothing here is proven").is_visible()
    assert page.locator("td .fine").count() < page.locator("td .status").count()


def test_nothing_comes_from_outside(bad: Told, tmp_path: Path) -> None:
    text = render(bad, tmp_path, "--key", bad.key).read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r"(?:https?:|//[a-z]|@import|<img|<link|<script|<iframe|\bon[a-z]+=|url\((?!#))", text)


def test_a_short_gap_never_vanishes() -> None:
    row = [
        Stretch(0, 500_000_000, StretchKind.RECORDED, "", ""),
        Stretch(500_000_000, 500_000_001, StretchKind.UNEXPLAINED_GAP, "", ""),
        Stretch(500_000_001, 1_000_000_000, StretchKind.RECORDED, "", ""),
    ]
    drawn = {one.name: one for one in draw(row, Axis(0, 1_000_000_000))}
    assert drawn["unexplained-gap"].path == f"M{WIDTH // 2} 4h1v14h-1z"
    assert drawn["recorded"].path == f"M0 4h{WIDTH}v14h-{WIDTH}z"
    assert list(drawn) == ["recorded", "unexplained-gap"]


def test_the_axis_is_the_scope() -> None:
    row = [Stretch(10, 20, StretchKind.RECORDED, "", "")]
    assert axis_of([row], 30, 0, None) == Axis(10, 30)
    assert axis_of([row], 30, 15, 18) == Axis(15, 18)
    assert axis_of([row], 30, 40, None) is None
    assert axis_of([], 30, 0, None) is None
    ticks = Axis(0, 86_400_000_000).ticks(Zone("+08:00"))
    assert [tick.label for tick in ticks] == ["01-01 12:00", "01-01 18:00", "01-02 00:00", "01-02 06:00"]
