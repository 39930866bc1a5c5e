"""Kills an agent again and again while files appear, move and go. Run as a program; prints what it found as JSON.

A process of its own with no threads, because the agent is forked from it: a fork costs milliseconds, a fresh
interpreter would make 200 kills minutes. The forked agent is the real one, with inotify, hash pool and the client's outbox.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from collections import Counter
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from typing import Any

from custody.client.outbox import Outbox
from custody.core.record import read_record
from custody.recorder import commands, serving  # noqa: F401 - imported before the fork
from custody.recorder.config import Config, make_config


class Adapter:
    """The client's outbox without its uplink: nothing leaves it, so that everything can be counted."""

    def __init__(self, path: Path) -> None:
        self.queue = Outbox(path)

    def put_many(self, records: Any) -> None:
        self.queue.put_many(records)

    def backlog(self) -> int:
        return self.queue.count

    def receipted(self) -> int:
        return 0

    def problem(self) -> str:
        return ""

    def revive(self) -> int:
        return 0


def make(folder: Path) -> Config:
    for name in ("hot", "cold", "state"):
        (folder / name).mkdir()
    return make_config(
        {
            "site": "site-12",
            "state": "state",
            "agent": {"scan_s": 0.05, "move_grace_s": 0.3, "integrity_every_days": 0, "heartbeat_s": 0.2},
            "recorder": [
                {
                    "templates": ["{camera}/%s-{number}.{ext}", "{camera}/{any}.{ext}"],
                    "settle_s": 0,
                    "storage": [{"name": name, "path": name} for name in ("hot", "cold")],
                }
            ],
        },
        folder,
    )


def start(config: Config) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        adapter = Adapter(config.state / "outbox.sqlite")
        serving.serve(config, lambda: nullcontext(adapter))
        adapter.queue.close()
        status = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(status)


def act(chance: random.Random, folder: Path, number: int, written: dict[str, bytes]) -> None:
    """One thing that a recorder does."""
    camera = f"cam-{chance.randrange(4)}"
    files = [path for tier in ("hot", "cold") for path in sorted((folder / tier).glob("*/*.mp4"))]
    dice = chance.random()
    if dice < 0.65 or len(files) < 5:
        content = chance.randbytes(chance.choice([50, 4_000, 300_000]))
        target = folder / "hot" / camera / f"1790000000-{number}.mp4"
        target.parent.mkdir(exist_ok=True)
        part = target.with_name(f".{target.name}")
        part.write_bytes(content)
        part.rename(target)
        written[f"{camera}/{target.name}"] = sha256(content).digest()
    elif dice < 0.85:
        source = chance.choice(files)
        target = folder / "cold" / source.parent.name / source.name
        target.parent.mkdir(exist_ok=True)
        source.rename(target)
    else:
        chance.choice(files).unlink()


def count(config: Config, folder: Path, written: dict[str, bytes]) -> dict[str, Any]:
    adapter = Adapter(config.state / "outbox.sqlite")
    kinds: Counter[str] = Counter()
    segments: Counter[str] = Counter()
    numbers: dict[str, list[int]] = {}
    by_number: dict[tuple[str, int], str] = {}
    disposed: Counter[tuple[str, int]] = Counter()
    wrong = 0
    while batch := adapter.queue.oldest():
        for one in batch:
            read = read_record(one.submitted.record)
            kinds[read.kind.name] += 1
            body = read.body
            if read.kind.name == "segment":
                segments[body.path] += 1
                numbers.setdefault(body.stream, []).append(body.number)
                by_number[body.stream, body.number] = body.path
                wrong += written[body.path] != body.file_sha256
            elif read.kind.name == "disposal":
                disposed.update((run.stream, at) for run in body.ranges for at in range(run.first, run.last + 1))
        adapter.queue.drop(batch)
    there = {
        path.relative_to(folder / tier).as_posix()
        for tier in ("hot", "cold")
        for path in (folder / tier).glob("*/*.mp4")
    }
    gone = {key for key, path in by_number.items() if path not in there}
    return {
        "kinds": dict(kinds),
        "written": len(written),
        "there": len(there),
        "registered": len(segments),
        "twice": [path for path, times in segments.items() if times != 1],
        "missing": sorted(there - segments.keys()),
        "wrong_digest": wrong,
        "numbers": all(sorted(found) == list(range(1, len(found) + 1)) for found in numbers.values()),
        "disposed_twice": sum(times != 1 for times in disposed.values()),
        "disposed_wrong": sorted(gone ^ disposed.keys()),
    }


def main(folder: Path, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    config = make(folder)
    written: dict[str, bytes] = {}
    number = 0
    for _ in range(kills):
        child = start(config)
        for _ in range(chance.randrange(1, 4)):
            time.sleep(chance.random() * 0.025)
            number += 1
            act(chance, folder, number, written)
        time.sleep(chance.random() * 0.06)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    child = start(config)
    time.sleep(3)  # the last agent is left alone until nothing is new any more
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    sys.stdout.write(json.dumps(count(config, folder, written) | {"status": status, "kills": kills}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
