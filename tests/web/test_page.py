"""verify.html as a reader uses it: opened from the disk in Chromium, by mouse and by keyboard, in both languages."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from evidence import CAMERA, Evidence, exported
from playwright.sync_api import Browser, FileChooser, FilePayload, Page, sync_playwright
from playwright.sync_api import TimeoutError as Lost
from rich_evidence import rich_evidence

from custody.cli.main import run
from custody.verifier.package.layout import TOP
from custody.verifier.web import PAGE

CHROMIUM = Path("/usr/bin/chromium")
HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.exe"
SHOWN = "<img src=x onerror=alert(1)>\\u{202E}gnp.exe"
WORDS = {"fine": "OK", "findings": "FAILED", "not-checked": "NOT CHECKED"}


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    with exported(tmp_path_factory.mktemp("evidence")) as made:
        (made.folder / "log.vkey").write_text(f"# the log\n{made.vkey}\n")
        yield made


@pytest.fixture(scope="module")
def browser(evidence: Evidence) -> Iterator[Browser]:
    """After the evidence: its making runs an event loop of its own in this thread."""
    if not CHROMIUM.exists():
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        yield opened
        opened.close()


class Reader:
    """One opened page, and everything that it asked the network for or complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.on("request", self._asked)
        page.goto(PAGE.as_uri())

    def _asked(self, request: Any) -> None:
        if request.url != PAGE.as_uri() and not request.url.startswith("blob:"):
            self.complaints.append(request.url)

    def check(self, package: Path, *trust: Path) -> None:
        self.page.set_input_files("[data-role=folder]" if package.is_dir() else "[data-role=zip]", package)
        if trust:
            self.page.set_input_files("[data-role=trust]", list(trust))
        else:
            self.page.check("#weak")
        self.page.click("[data-role=check]")
        self.page.wait_for_selector("#h-verdict")

    def statuses(self) -> dict[int, str]:
        rows = self.page.locator("tr[data-check]").all()
        return {int(row.get_attribute("data-check") or 0): row.get_attribute("data-status") or "" for row in rows}


@pytest.fixture
def reader(browser: Browser) -> Iterator[Reader]:
    context = browser.new_context(locale="en-GB", viewport={"width": 1200, "height": 1000})
    made = Reader(context.new_page())
    yield made
    context.close()
    assert made.complaints == []


@pytest.fixture
def bad(evidence: Evidence, tmp_path: Path) -> Path:
    """One segment altered, one taken away, and a recipient that wants to be markup."""
    folder = tmp_path / "bad"
    shutil.copytree(evidence.package, folder)
    first, second, *_ = sorted((folder / "data/footage" / CAMERA).iterdir())
    first.write_bytes(first.read_bytes()[:-1] + b"?")
    second.unlink()
    manifest = folder / "data/manifest.json"
    told = json.loads(manifest.read_bytes())
    told["recipient"] = HOSTILE
    manifest.write_text(json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1) + "\n", encoding="utf-8")
    return folder


def python_statuses(package: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[int, str]:
    capsys.readouterr()
    run(["verify", "package", str(package), "--json", *options])
    return {one["number"]: one["status"] for one in json.loads(capsys.readouterr().out)["checks"]}


def test_a_good_package_is_fine_in_both_shapes_and_languages(
    reader: Reader, evidence: Evidence, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "evidence.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(one for one in evidence.package.rglob("*") if one.is_file()):
            archive.writestr(f"{TOP}/{path.relative_to(evidence.package).as_posix()}", path.read_bytes())
    for package in (packed, evidence.package):
        reader.check(package, evidence.folder / "log.vkey")
        assert reader.page.inner_text("#h-verdict") == "✓ Verdict: OK"
        assert reader.page.evaluate("document.activeElement.id") == "h-verdict"
        assert reader.statuses() == python_statuses(evidence.package, capsys, "--key", evidence.vkey)
        reader.page.click("[data-role=again]")
    reader.page.click("[data-role=check]")
    reader.page.wait_for_selector("#h-verdict")
    reader.page.click("[data-lang=zh]")
    assert reader.page.inner_text("#h-verdict") == "✓ 结论：无误"
    text = reader.page.inner_text("main")
    assert "《北京市公共安全图像信息系统管理办法》第十七条第（二）项" in text
    assert "复制" in text
    assert "（已在日志登记）" in text  # the exporter's key
    assert "Verdict" not in text
    assert reader.page.title() == "核验证据包"


def key_of(evidence: Evidence) -> FilePayload:
    return FilePayload(name="log.vkey", mimeType="text/plain", buffer=(evidence.folder / "log.vkey").read_bytes())


def test_no_check_begins_before_every_trust_file_is_read(reader: Reader, evidence: Evidence) -> None:
    """Else a revocation list that comes after the key would be missing from the check."""
    page, enabled = reader.page, "[data-role=check]:enabled"
    page.evaluate("""() => {
        const read = Blob.prototype.text;
        const held = new Promise((go) => { globalThis.letGo = go; });
        Blob.prototype.text = async function () {
            if (this.name === "root.pem") {
                await held;
            }
            return read.call(this);
        };
    }""")
    root = FilePayload(name="root.pem", mimeType="text/plain", buffer=b"-----BEGIN CERTIFICATE-----\n")
    page.set_input_files("[data-role=folder]", evidence.package)
    page.set_input_files("[data-role=trust]", [key_of(evidence), root])
    page.locator("li", has_text="log.vkey").wait_for()
    assert page.locator(enabled).count() == 0
    assert page.inner_text("#hint") == "The files are being read."
    page.evaluate("globalThis.letGo()")
    page.locator("li", has_text="root.pem").wait_for()
    page.locator(enabled).wait_for()


def test_what_is_chosen_during_a_check_does_not_get_its_verdict(reader: Reader, evidence: Evidence) -> None:
    page = reader.page
    page.set_input_files("[data-role=folder]", evidence.package)
    page.set_input_files("[data-role=trust]", [key_of(evidence)])
    page.locator("[data-role=check]:enabled").wait_for()
    page.evaluate("""() => {
        document.querySelector("[data-role=check]").click();
        const other = new DataTransfer();
        other.items.add(new File(["no package"], "other.zip"));
        const input = document.querySelector("[data-role=zip]");
        input.files = other.files;
        input.dispatchEvent(new Event("change"));
    }""")
    page.wait_for_selector("#h-verdict")
    assert page.inner_text("#h-verdict") == "✓ Verdict: OK"
    manifest = sha256((evidence.package / "manifest-sha256.txt").read_bytes()).hexdigest()
    assert page.locator("tr", has_text="SHA-256 of its manifest").inner_text().split()[-1] == manifest
    page.click("[data-role=again]")
    page.click("[data-role=check]")
    page.get_by_role("alert").get_by_text("It could not be checked").wait_for()


def test_no_check_begins_before_everything_that_was_dropped_is_known(reader: Reader, evidence: Evidence) -> None:
    page, enabled = reader.page, "[data-role=check]:enabled"
    page.set_input_files("[data-role=folder]", evidence.package)
    page.check("#weak")
    page.locator(enabled).wait_for()
    page.evaluate("""() => {
        const held = new Promise((go) => { globalThis.letGo = go; });
        const entry = {
            isDirectory: true, isFile: false, name: "package",
            createReader: () => ({ readEntries: (done) => void held.then(() => done([])) }),
        };
        const event = new Event("drop", { bubbles: true, cancelable: true });
        event.dataTransfer = { items: [{ kind: "file", webkitGetAsEntry: () => entry }], files: [] };
        document.querySelector("section[aria-labelledby=h-package]").dispatchEvent(event);
    }""")
    assert page.locator(enabled).count() == 0
    page.evaluate("globalThis.letGo()")
    page.locator(enabled).wait_for()


def test_a_file_that_is_nothing_is_named_also_when_a_good_one_follows(reader: Reader, evidence: Evidence) -> None:
    page = reader.page
    nothing = FilePayload(name="holiday.txt", mimeType="text/plain", buffer=b"sea")
    page.set_input_files("[data-role=trust]", [nothing, key_of(evidence)])
    page.locator("li", has_text="log.vkey").wait_for()
    told = page.locator("section[aria-labelledby=h-trust] [role=status]")
    assert told.inner_text().endswith("holiday.txt")
    page.click("section[aria-labelledby=h-trust] li button")
    assert told.inner_text() == ""


def test_the_language_is_the_browsers(browser: Browser) -> None:
    for locale, title in (("zh-CN", "核验证据包"), ("fr-FR", "Check an evidence package")):
        context = browser.new_context(locale=locale)
        page = context.new_page()
        page.goto(PAGE.as_uri())
        assert page.inner_text("h1") == title
        context.close()


def test_keys_from_the_package_are_called_weaker(reader: Reader, evidence: Evidence) -> None:
    assert reader.page.is_disabled("[data-role=check]")
    reader.check(evidence.package)
    assert reader.page.inner_text("#h-verdict") == "? Verdict: NOT CHECKED"
    assert "WEAKER" in reader.page.inner_text("section[aria-labelledby=h-verdict]")
    assert reader.statuses()[3] == "not-checked"


def test_a_bad_package_says_what_is_wrong_in_words(
    reader: Reader, bad: Path, evidence: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    reader.check(bad, evidence.folder / "log.vkey")
    assert reader.page.inner_text("#h-verdict") == "✗ Verdict: FAILED"
    assert reader.statuses() == python_statuses(bad, capsys, "--key", evidence.vkey)
    for row in reader.page.locator("tr[data-check]").all():
        assert WORDS[row.get_attribute("data-status") or ""] in row.locator("td.status").inner_text()
    text = reader.page.inner_text("main")
    assert "a file was altered after it was packed" in text
    assert "file-missing" in text
    # text of a stranger stays text, and what would reorder it is written out
    assert SHOWN in text
    assert reader.page.locator("img").count() == 0
    assert "\u202e" not in reader.page.evaluate("document.documentElement.outerHTML")


def test_what_is_no_package_is_said_in_one_sentence(reader: Reader, tmp_path: Path) -> None:
    other = tmp_path / "other.zip"
    other.write_bytes(b"%PDF" + bytes(4000))
    reader.page.set_input_files("[data-role=zip]", other)
    reader.page.check("#weak")
    reader.page.click("[data-role=check]")
    reader.page.wait_for_selector("[role=alert] .part")
    assert "this is no evidence package" in reader.page.inner_text("[role=alert]")
    assert reader.page.locator("tr[data-check]").count() == 0
    reader.page.click("[data-lang=zh]")
    assert "这不是证据包" in reader.page.inner_text("[role=alert]")


def test_rubbish_is_a_finding_and_hides_what_cannot_be_shown(reader: Reader, tmp_path: Path) -> None:
    rubbish = tmp_path / "<b>rubbish.zip"
    rubbish.write_bytes(b"PK\x03\x04" + bytes(4000))
    reader.check(rubbish)
    assert reader.page.inner_text("#h-verdict") == "✗ Verdict: FAILED"
    assert "<b>rubbish.zip" in reader.page.inner_text(".facts")
    assert "nothing to show" in reader.page.inner_text("main")


def drop(page: Page, zone: str, *paths: Path) -> None:
    """What Chromium does when files or folders are let go over an element: its own drag events, with the real files."""
    page.locator(zone).scroll_into_view_if_needed()
    box = page.locator(zone).bounding_box()
    assert box is not None
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + 20}
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **point, "data": data})
    session.detach()


def test_a_package_and_its_trust_can_be_dropped(reader: Reader, evidence: Evidence, tmp_path: Path) -> None:
    packed = tmp_path / "evidence.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(one for one in evidence.package.rglob("*") if one.is_file()):
            archive.writestr(f"{TOP}/{path.relative_to(evidence.package).as_posix()}", path.read_bytes())
    for package, told in ((packed, "evidence.zip"), (evidence.package, "folder,")):
        drop(reader.page, "section[aria-labelledby=h-package]", package)
        reader.page.wait_for_selector(f"text={told}")
        if package == packed:
            drop(reader.page, "section[aria-labelledby=h-trust]", evidence.folder / "log.vkey")
            reader.page.wait_for_selector(".chosen li")
        reader.page.click("[data-role=check]")
        reader.page.wait_for_selector("#h-verdict")
        assert reader.page.inner_text("#h-verdict") == "✓ Verdict: OK"
        reader.page.click("[data-role=again]")


def test_certificates_and_revocation_lists_of_exporters_can_be_given(reader: Reader, tmp_path: Path) -> None:
    """A certificate counts for time stamps until the reader says that it is an authority of exporters."""

    def make() -> tuple[Path, Path]:
        with rich_evidence(tmp_path) as rich:
            (tmp_path / "rich.vkey").write_text(f"{rich.evidence.vkey}\n")
            shutil.copy(rich.authority.folder / "ca.pem", tmp_path / "tsa-root.pem")
            return rich.package, rich.evidence.folder

    with ThreadPoolExecutor(1) as beside:  # the browser's event loop has this thread
        package, folder = beside.submit(make).result()
    authority, stamps, vkey = folder / "exporter-ca.pem", tmp_path / "tsa-root.pem", tmp_path / "rich.vkey"
    reader.page.set_input_files("[data-role=trust]", [authority, folder / "exporter.crl"])
    listed = reader.page.locator(".chosen li")
    assert "root certificate of a time-stamping authority" in listed.nth(0).inner_text()
    reader.page.focus("[data-role=use]")
    reader.page.keyboard.press("Enter")
    assert reader.page.evaluate("document.activeElement.getAttribute('data-role')") == "use"
    assert "certificate of an authority for exporters" in listed.nth(0).inner_text()
    assert "revocation list of such an authority" in listed.nth(1).inner_text()
    reader.check(package, stamps, vkey)
    assert reader.page.inner_text("#h-verdict") == "✓ Verdict: OK"
    assert {number for number, status in reader.statuses().items() if status != "fine"} == {14}
    signed = reader.page.inner_text("main")
    assert "Test Exporter Authority" in signed or "CN=" in signed
    assert "revocation not checked" not in signed
    reader.page.click("[data-lang=zh]")
    assert "导出人证书签发机构的证书" in reader.page.inner_text("main")


def test_a_check_can_be_cancelled(reader: Reader, evidence: Evidence) -> None:
    reader.page.set_input_files("[data-role=folder]", evidence.package)
    reader.page.check("#weak")
    reader.page.evaluate(
        "() => { for (const role of ['check', 'cancel']) document.querySelector(`[data-role=${role}]`).click(); }"
    )
    reader.page.wait_for_selector("text=Cancelled: nothing was checked.")
    assert reader.page.evaluate("document.activeElement.getAttribute('data-role')") == "check"


def open_chooser(page: Page) -> FileChooser:
    """By Enter on the button that has the focus. The page clicks its input each time, yet Chromium's tools lose a chooser
    now and then: then the key is pressed again."""
    for _ in range(5):
        with suppress(Lost), page.expect_file_chooser(timeout=3_000) as chooser:
            page.keyboard.press("Enter")
            return chooser.value
    raise AssertionError("Enter opens no chooser")


def test_it_can_be_worked_by_keyboard_alone(reader: Reader, evidence: Evidence) -> None:
    def press_until(role_or_id: str) -> None:
        for _ in range(40):
            reader.page.keyboard.press("Tab")
            focused = reader.page.evaluate(
                "() => { const one = document.activeElement; return one.id || one.textContent.slice(0, 24); }"
            )
            if role_or_id in focused:
                return
        raise AssertionError(f"{role_or_id} is not reached with Tab")

    press_until("Choose a folder")
    open_chooser(reader.page).set_files(evidence.package)
    reader.page.wait_for_selector("text=folder,")
    press_until("weak")
    reader.page.keyboard.press("Space")
    press_until("Check the package")
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_selector("#h-verdict")
    press_until("▶ Play")
    reader.page.keyboard.press("Enter")
    assert reader.page.evaluate("document.activeElement.id") == "h-player"


def test_everything_has_a_name_for_a_screen_reader(reader: Reader, evidence: Evidence) -> None:
    reader.check(evidence.package)
    nameless = reader.page.evaluate(
        """() => [...document.querySelectorAll("button, select, textarea, video, input:not([aria-hidden]), [role=img], section")]
            .filter((one) => !(one.textContent.trim() && one.tagName === "BUTTON") && !one.labels?.length
                && !one.getAttribute("aria-label")
                && !document.getElementById(one.getAttribute("aria-labelledby"))?.textContent)
            .map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert nameless == []
    assert reader.page.locator("h1").count() == 1
    assert reader.page.locator("main").count() == reader.page.locator("body > header").count() == 1
    assert (
        reader.page.locator("thead th:not([scope])").count()
        == reader.page.locator(".paper thead th:not([scope])").count()
    )
    assert reader.page.locator("[onclick], [style*=javascript]").count() == 0
    assert reader.page.locator(".segments").get_attribute("aria-rowcount") == "7"


def test_a_segment_plays_and_says_when_it_cannot(reader: Reader, evidence: Evidence, bad: Path) -> None:
    reader.check(evidence.package, evidence.folder / "log.vkey")
    reader.page.click("tr[data-number='3'] button")
    # not wait_for_function: it would evaluate a string, which the page's policy forbids
    reader.page.evaluate(
        """() => new Promise((done) => {
            const video = document.querySelector("video");
            video.readyState >= 1 ? done() : video.addEventListener("loadedmetadata", () => done());
        })"""
    )
    assert reader.page.evaluate("document.querySelector('video').videoWidth") > 0
    reader.page.click("[data-role=close-player]")
    assert reader.page.evaluate("document.activeElement.textContent").startswith("▶")
    for path in (bad / "data/footage" / CAMERA).iterdir():
        path.write_bytes(bytes(2000))
    reader.page.click("[data-role=again]")
    reader.check(bad, evidence.folder / "log.vkey")
    reader.page.click("tr[data-number='4'] button")
    reader.page.wait_for_selector("text=This browser cannot play the segment")
    assert "Not proven to be what was recorded" in reader.page.inner_text(".player")


def test_a_file_that_somebody_brings_is_looked_up(reader: Reader, evidence: Evidence, tmp_path: Path) -> None:
    same, other = tmp_path / "renamed.bin", tmp_path / "other.mp4"
    first = sorted((evidence.package / "data/footage" / CAMERA).iterdir())[1]
    same.write_bytes(first.read_bytes())
    other.write_bytes(first.read_bytes() + b"?")
    reader.page.set_input_files("[data-role=footage]", [other])
    reader.check(evidence.package, evidence.folder / "log.vkey")
    assert reader.statuses()[14] != "fine"
    reader.page.set_input_files("[data-role=lookup]", [same, other])
    answers = reader.page.locator("section[aria-labelledby=h-lookup] ul[role=status] li")
    answers.filter(has_text="SHA-256").nth(1).wait_for()
    assert "✓ this file is site-12/cam-01 segment 3" in answers.nth(0).inner_text()
    assert "✗ not known" in answers.nth(1).inner_text()


def test_the_printed_report_stands_alone(reader: Reader, evidence: Evidence) -> None:
    reader.check(evidence.package, evidence.folder / "log.vkey")
    reader.page.emulate_media(media="print")
    text = reader.page.inner_text("body")
    assert "Report on the check of an evidence package" in text
    for part in ("Signature or seal", "What was not checked", "verify.html 0.1.0", "by the clock of this computer"):
        assert part in text
    assert not reader.page.is_visible("[data-role=print]")
    assert not reader.page.is_visible(".tall")
    head = reader.page.evaluate("[...document.adoptedStyleSheets[0].cssRules].map((one) => one.cssText).join()")
    digest = reader.page.evaluate("document.querySelector('.facts tr:nth-child(2) td').textContent")
    assert len(digest) == 64
    assert digest in head
    assert reader.page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
