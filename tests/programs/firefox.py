"""A headless Firefox, driven by its own Marionette protocol (WebDriver commands as JSON over a local socket): no further program."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

PROGRAM: Final = shutil.which("firefox-esr") or shutil.which("firefox")
_START_S: Final = 60
_ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
"""Key of an element's reference (W3C WebDriver section 12)."""
_SETTINGS: Final = """
user_pref("marionette.port", 0);
user_pref("intl.locale.requested", "en-GB");
user_pref("intl.accept_languages", "en-GB");
user_pref("app.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
"""


class Firefox:
    """One window; each call waits for its answer."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._file = link.makefile("rb")
        self._number = 0
        self._receive()  # what speaks there, and in which version
        self._ask("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"pageLoadStrategy": "normal"}}})
        self._ask("WebDriver:SetTimeouts", {"implicit": 20_000, "script": 60_000})

    def open(self, url: str) -> None:
        self._ask("WebDriver:Navigate", {"url": url})

    def find(self, selector: str) -> str:
        """Waits until it is there."""
        found = self._ask("WebDriver:FindElement", {"using": "css selector", "value": selector})
        reference: str = found["value"][_ELEMENT]
        return reference

    def click(self, selector: str) -> None:
        self._ask("WebDriver:ElementClick", {"id": self.find(selector)})

    def choose(self, selector: str, *files: Path) -> None:
        """Gives files to a file input."""
        self._ask("WebDriver:ElementSendKeys", {"id": self.find(selector), "text": "\n".join(map(str, files))})

    def text(self, selector: str) -> str:
        found: str = self._ask("WebDriver:GetElementText", {"id": self.find(selector)})["value"]
        return found

    def run(self, script: str) -> Any:
        """The value of a function's body."""
        return self._ask("WebDriver:ExecuteScript", {"script": script, "args": []})["value"]

    def _ask(self, command: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        said = json.dumps([0, self._number, command, parameters]).encode()
        self._link.sendall(b"%d:%s" % (len(said), said))
        _, number, error, value = self._receive()
        assert number == self._number
        if error:
            raise RuntimeError(f"{command}: {error['error']}: {error['message']}")
        return value

    def _receive(self) -> Any:
        length = b""
        while (one := self._file.read(1)) != b":":
            assert one, "the browser has gone"
            length += one
        return json.loads(self._file.read(int(length)))


@contextmanager
def running(folder: Path) -> Iterator[Firefox]:
    """A browser with a new profile in `folder`, until the block ends."""
    assert PROGRAM is not None
    profile, home = folder / "profile", folder / "home"
    profile.mkdir()
    home.mkdir()
    (profile / "user.js").write_text(_SETTINGS)
    command = [PROGRAM, "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
    quiet = {**os.environ, "HOME": str(home), "MOZ_CRASHREPORTER_DISABLE": "1"}
    with subprocess.Popen(command, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
        try:
            with socket.create_connection(("127.0.0.1", _port(profile, browser)), 10) as link:
                link.settimeout(90)
                yield Firefox(link)
        finally:
            browser.terminate()
            try:
                browser.wait(20)
            except subprocess.TimeoutExpired:
                browser.kill()


def _port(profile: Path, browser: subprocess.Popen[bytes]) -> int:
    """Where it listens, which it writes into its profile when it does."""
    told = profile / "MarionetteActivePort"
    until = time.monotonic() + _START_S
    while time.monotonic() < until and browser.poll() is None:
        if told.exists() and (port := told.read_text().strip()):
            return int(port)
        time.sleep(0.1)
    raise RuntimeError("Firefox did not start")
