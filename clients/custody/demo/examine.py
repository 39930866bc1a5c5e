"""Runs the verifier as an inspector would, as a program of its own, and reads its JSON."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from custody.demo.stage import DemoError, Stage, custody


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What `custody verify` said: its exit status and its findings (code and message)."""

    exit_status: int
    word: str
    findings: tuple[tuple[str, str], ...]


def verify_log(stage: Stage, database: Path, vkey: str, *, remember: bool) -> Verdict:
    """`custody verify log`, against the checkpoint that the inspector remembers."""
    flag = "--remember" if remember else "--since"
    return _read(custody("verify", "log", database, "--key", vkey, flag, stage.remembered, "--json"))


def verify_footage(database: Path, footage: Path, vkey: str) -> Verdict:
    """`custody verify footage`."""
    return _read(custody("verify", "footage", footage, "--log-file", database, "--key", vkey, "--json"))


def _read(ran: Any) -> Verdict:
    try:
        report = json.loads(ran.stdout)
    except ValueError:
        raise DemoError(f"the verifier gave no report: {ran.stderr.strip()}") from None
    findings = tuple((one["code"], one["message"]) for one in report["findings"] if one.get("severity") != "info")
    return Verdict(exit_status=ran.returncode, word=report["verdict"], findings=findings)
