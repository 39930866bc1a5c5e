"""How a monitor raises its voice: a webhook, and a file of metrics for whoever collects those."""

import json
import urllib.request
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from custody.core.errors import CustodyError
from custody.verifier.monitor.watching import Round

TIMEOUT_S: Final = 10.0


class WebhookFailed(CustodyError):
    """Nobody took the alarm."""

    code = "webhook-failed"


def round_json(done: Round) -> dict[str, Any]:
    """A round as JSON: what the webhook gets, and `--json` prints."""
    return {
        "origin": done.origin,
        "size": done.size,
        "new_entries": done.new_entries,
        "alarms": [
            {"code": one.code, "message": one.message, "evidence": str(one.evidence) if one.evidence else None}
            for one in done.alarms
        ],
    }


def check_webhook(url: str) -> str:
    """Returns the URL. Raises WebhookFailed for anything but http and https."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise WebhookFailed(f"not the URL of a webhook: {url[:256]!r}")
    return url


def post(url: str, done: Round) -> None:
    """Sends the round. Raises WebhookFailed: the alarm still stands in the exit status and the metrics."""
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked by check_webhook
        url, json.dumps(round_json(done)).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310
            pass
    except OSError as error:
        raise WebhookFailed(f"{url}: {error}") from error


def metrics_text(done: Round, now_us: int, seconds: float) -> str:
    """The round in the Prometheus text format, for a textfile collector."""
    codes: dict[str, int] = {}
    for one in done.alarms:
        codes[one.code] = codes.get(one.code, 0) + 1
    label = json.dumps(done.origin, ensure_ascii=False)
    lines = [
        "# TYPE custody_monitor_alarms gauge",
        *(f'custody_monitor_alarms{{log={label},code="{code}"}} {count}' for code, count in sorted(codes.items())),
        "# TYPE custody_monitor_fine gauge",
        f"custody_monitor_fine{{log={label}}} {int(not done.alarms)}",
        "# TYPE custody_monitor_size gauge",
        f"custody_monitor_size{{log={label}}} {done.size}",
        "# TYPE custody_monitor_round_seconds gauge",
        f"custody_monitor_round_seconds{{log={label}}} {seconds:.3f}",
        "# TYPE custody_monitor_round_end_seconds gauge",
        f"custody_monitor_round_end_seconds{{log={label}}} {now_us // 1_000_000}",
    ]
    return "\n".join(lines) + "\n"


def write_metrics(path: Path, text: str) -> None:
    """Replaces the file in one step, so that no collector reads half of it."""
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
