"""`agent-streams`: thousands of streams beside one agent and a real ledger; processor, memory, time to the receipt.

Files appear as a recorder closes them: written under another name and renamed, 200 a second over 2,000 streams, each of
0.7 MB with bytes of its own (the hashing alone is proportional to their size: see `agent-hash`). The writer is a process
of its own and is not counted. The latency is from the rename to the moment in which the client has verified the receipt.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.figures import Figure, figure, percentile  # noqa: E402 - this file is also run as a program
from bench.footage_clips import clips, unique  # noqa: E402
from bench.rig import Rig, running  # noqa: E402

NAME = "agent-streams"
LONG = False
STREAMS = 2_000
SEGMENT_S = 10
SECONDS = 20
"""Measured after every stream had its first segment."""
CONFIG = """site = "site-12"
state = "{folder}/state"
[agent]
heartbeat_s = 60
scan_s = 60
integrity_every_days = 0
[ledger]
target = "{target}"
log = "{origin}"
vkeys = ["{vkey}"]
[[recorder]]
name = "nvr"
templates = ["{{camera}}/%s.mp4"]
segment_s = {segment_s}
media_root = {media}
[[recorder.storage]]
name = "hot"
path = "{folder}/hot"
"""


def run() -> list[Figure]:
    """With the media root and without."""
    figures: list[Figure] = []
    for media in (True, False):
        with running() as rig, tempfile.TemporaryDirectory(prefix="custody-bench-", dir=_memory()) as folder:
            figures += _measure(rig, Path(folder), media=media)
    return figures


def _memory() -> str | None:
    """A folder in memory: the recorder's disk is not what is measured."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a fresh folder below it


def _measure(rig: Rig, folder: Path, *, media: bool) -> list[Figure]:
    from bench.rig import ORIGIN

    (folder / "state").mkdir()
    (folder / "parts").mkdir()
    config = folder / "agent.toml"
    config.write_text(
        CONFIG.format(
            folder=folder,
            target=rig.target,
            origin=ORIGIN,
            vkey=rig.vkey,
            segment_s=SEGMENT_S,
            media=str(media).lower(),
        )
    )
    for stream in range(STREAMS):
        (folder / f"hot/cam-{stream:04d}").mkdir(parents=True)
    agent = subprocess.Popen([sys.executable, __file__, "agent", str(config), str(folder / "receipts")])
    try:
        _until((folder / "receipts").exists, 30)
        time.sleep(3)  # inotify watches on every folder
        writer = subprocess.run(
            [sys.executable, __file__, "write", str(folder), str(agent.pid)], check=True, capture_output=True, text=True
        )
        wrote = json.loads(writer.stdout)
        expected = len(wrote["closed"])
        _until(lambda: len(_receipts(folder / "receipts")) >= expected, 60)
    finally:
        agent.terminate()
        agent.wait(30)
    return _figures("with media root" if media else "hash only", wrote, _receipts(folder / "receipts"))


def _figures(name: str, wrote: dict[str, Any], receipts: dict[str, float]) -> list[Figure]:
    delays = [receipts[path] - closed for path, closed in wrote["closed"].items() if closed >= wrote["from"]]
    return [
        figure(f"{name}: segments", len(delays) / wrote["seconds"], "files/s", aim=STREAMS / SEGMENT_S),
        figure(f"{name}: processor, agent", wrote["cpu"] / wrote["seconds"] * 100, "% of a core", aim=50),
        figure(f"{name}: memory, agent", wrote["peak_mb"], "MB", aim=300),
        figure(f"{name}: closed to receipt p50", percentile(delays, 0.5), "s"),
        figure(f"{name}: closed to receipt p99", percentile(delays, 0.99), "s", aim=2),
    ]


def _receipts(path: Path) -> dict[str, float]:
    pairs = [line.split() for line in path.read_text().splitlines() if line.count(" ") == 1]
    return {name: float(moment) for name, moment in pairs}


def _until(true: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.2)


# ---- the two programs


def _write(folder: Path, agent: int) -> None:
    """Closes 200 files a second; keeps two segments of every stream, as a short retention would."""
    raws = [path.read_bytes() for path in clips(folder)]
    rate = STREAMS / SEGMENT_S
    total = STREAMS + int(rate * SECONDS)
    closed: dict[str, float] = {}
    began = time.monotonic()
    start = cpu = 0.0
    epoch = int(time.time()) - 10 * total
    for number in range(total):
        wait = began + number / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        if number == STREAMS:
            start, cpu = time.time(), _cpu(agent)
        stream, turn = number % STREAMS, number // STREAMS
        name = f"cam-{stream:04d}/{epoch + SEGMENT_S * turn}.mp4"
        part = folder / "parts" / str(number)
        part.write_bytes(unique(raws[number % len(raws)]))
        part.rename(folder / "hot" / name)
        closed[name] = time.time()
        if turn >= 2:
            (folder / "hot" / f"cam-{stream:04d}/{epoch + SEGMENT_S * (turn - 2)}.mp4").unlink()
    found = {
        "closed": closed,
        "from": start,
        "seconds": time.time() - start,
        "cpu": _cpu(agent) - cpu,
        "peak_mb": _peak_mb(agent),
    }
    sys.stdout.write(json.dumps(found))


def _cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(process: int) -> float:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _agent(config: Path, receipts: Path) -> None:
    """`custody record run`, with a note of every receipt."""
    from custody.client.receipt import Receipt
    from custody.recorder.config import read_config
    from custody.recorder.serving import serve
    from custody.recorder.uplink import Uplink
    from custody.v1 import record_pb2

    class Noting(Uplink):
        async def _count(self, batch: Sequence[Any], receipt: Receipt) -> None:
            now = time.time()
            messages = [record_pb2.Record.FromString(one.submitted.record) for one in batch]
            lines = [f"{one.segment.path} {now}\n" for one in messages if one.HasField("segment")]
            with receipts.open("a") as file:
                file.writelines(lines)

    read = read_config(config)
    receipts.touch()
    uplink = Noting(read.state, read.ledger, config.parent)
    try:
        serve(read, lambda: nullcontext(uplink))
    finally:
        uplink.close()


if __name__ == "__main__":
    if sys.argv[1] == "agent":
        _agent(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        _write(Path(sys.argv[2]), int(sys.argv[3]))
