"""The engine of verify.html in a headless Chromium, opened from the disk as a reader opens it."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

import custody.verifier

CHROMIUM = "/usr/bin/chromium"
PAGE = Path(os.environ.get("CUSTODY_VERIFY_HTML", Path(custody.verifier.__file__).parent / "web/verify.html"))

_RUN = """async ({trust, at}) => {
    const files = [...document.querySelector("#custody-test-input").files];
    const {verifyPackage, fromZip, fromFolder} = custodyEngine;
    const source = at === null
        ? fromFolder(files.map((file) => ({path: file.webkitRelativePath, file})))
        : fromZip(files[at]);
    try {
        return await verifyPackage(source, trust);
    } catch (error) {
        return {error: error.code ?? String(error)};
    }
}"""
_INPUT = """(folder) => {
    document.querySelector("#custody-test-input")?.remove();
    const input = document.createElement("input");
    Object.assign(input, {type: "file", id: "custody-test-input", multiple: true, webkitdirectory: folder});
    document.body.append(input);
}"""
_VECTORS = """(cases) => custodyEngine.runVectors(
    cases.map(({folder, data}) => ({folder, data: Uint8Array.from(atob(data), (char) => char.charCodeAt(0))}))
)"""


class Engine:
    """`custodyEngine` of the page; every call is a run of its own worker.

    Playwright's event loop lives in a thread of its own: in the tests' thread it would forbid everybody else `asyncio.run`.
    """

    def __init__(self, page: Page, thread: ThreadPoolExecutor) -> None:
        self._page = page
        self._thread = thread

    def verify(self, paths: Sequence[Path], **trust: str) -> list[dict[str, Any]]:
        """The reports of many zips."""
        return self._thread.submit(self._verify, list(paths), trust).result()

    def _verify(self, paths: list[Path], trust: dict[str, str]) -> list[dict[str, Any]]:
        self._page.evaluate(_INPUT, False)
        self._page.locator("#custody-test-input").set_input_files(paths)
        return [self._page.evaluate(_RUN, {"trust": trust, "at": at}) for at in range(len(paths))]

    def verify_folder(self, folder: Path, **trust: str) -> dict[str, Any]:
        """The report of a folder."""
        return self._thread.submit(self._verify_folder, folder, trust).result()

    def _verify_folder(self, folder: Path, trust: dict[str, str]) -> dict[str, Any]:
        self._page.evaluate(_INPUT, True)
        self._page.locator("#custody-test-input").set_input_files(folder)
        found: dict[str, Any] = self._page.evaluate(_RUN, {"trust": trust, "at": None})
        return found

    def vectors(self, paths: Sequence[Path]) -> list[str]:
        """`ok` or the error's code for each file of tests/vectors."""
        cases = [{"folder": path.parent.name, "data": base64.b64encode(path.read_bytes()).decode()} for path in paths]
        return self.run(cases)

    def run(self, cases: list[dict[str, str]]) -> list[str]:
        """The same for cases of any content: `folder`, and `data` in base64."""
        found: list[str] = self._thread.submit(self._page.evaluate, _VECTORS, cases).result()
        return found


@contextmanager
def running() -> Iterator[Engine]:
    """A browser without a network; a request that the page makes fails the test."""
    with ThreadPoolExecutor(1) as thread:
        playwright = thread.submit(lambda: sync_playwright().start()).result()
        try:
            browser = thread.submit(
                lambda: playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            ).result()
            asked: list[str] = []
            yield Engine(thread.submit(_open, browser, asked).result(), thread)
            thread.submit(browser.close).result()
            assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
        finally:
            thread.submit(playwright.stop).result()


def _open(browser: Browser, asked: list[str]) -> Page:
    page = browser.new_context(offline=True).new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(PAGE.as_uri())
    return page
