"""A day at a site in a minute: real recorders, a real ledger, and everything that goes wrong. Run as a program.

    field.py FOLDER ROUND_SECONDS FOOTAGE...

ffmpeg's segment muxer (cam-01) and motion (cam-02) record looped footage; the agent and the ledger run as processes. In
between: a deleted, a moved and a truncated file, a recorder crash, an agent crash, a ledger outage. Prints, as JSON, what
was done and what the log says about it.
"""

import json
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from custody.client.selection import by_range
from custody.client.sync import SyncLedgerClient
from custody.core.record import ReadRecord, read_record

CUSTODY = str(Path(sys.executable).with_name("custody"))
ORIGIN = "field.example/log"
MOTION = """daemon off
setup_mode off
log_level 4
webcontrol_port 0
stream_port 0
target_dir {folder}/motion
camera_id 2
camera_name cam-02
netcam_url file://{film}
netcam_params loop=yes
width 320
height 240
framerate 10
emulate_motion on
event_gap 1
movie_max_time 3
movie_output on
movie_codec mp4
movie_filename cam-02/%v-%Y%m%d%H%M%S
picture_output off
on_movie_end {custody} record hook -c {config} segment-complete --path %f
"""
CONFIG = """site = "site-12"
state = "{folder}/agent"
[agent]
heartbeat_s = 5
scan_s = 2
move_grace_s = 3
integrity_every_days = 0
{agent}
[ledger]
target = "unix:{folder}/s/ledger.sock"
log = "{origin}"
vkeys = ["{vkey}"]
submitter = "nvr-1"
"""
RECORDERS = """[[recorder]]
name = "ffmpeg"
preset = "ffmpeg-segment"
templates = ["{{camera}}/%Y%m%dT%H%M%S.mp4"]
segment_s = 2
settle_s = 5
[[recorder.storage]]
name = "hot"
path = "{folder}/hot"
[[recorder.storage]]
name = "cold"
path = "{folder}/cold"
[[recorder]]
name = "motion"
preset = "motion"
settle_s = 10
[[recorder.storage]]
name = "motion"
path = "{folder}/motion"
"""


class Field:
    """The site's processes.

    `recorders` is what the agent's configuration says of what it stands beside, `agent` what it says further of the agent.
    """

    def __init__(self, folder: Path, films: list[Path], recorders: str = RECORDERS, agent: str = "") -> None:
        self.folder = folder
        self.agent_settings = agent
        self.recorders = recorders
        for name in ("s", "hot/cam-01", "cold/cam-01", "motion/cam-02"):
            (folder / name).mkdir(parents=True, mode=0o700)
        (folder / "films.txt").write_text("".join(f"file '{film}'\n" for film in films))
        self.film = folder / "film.mp4"
        _run(
            "ffmpeg",
            "-v",
            "error",
            "-f",
            "concat",
            "-safe",
            "0",
            "-i",
            str(folder / "films.txt"),
            "-c",
            "copy",
            str(self.film),
        )
        self.running: dict[str, subprocess.Popen[str]] = {}

    def prepare(self) -> None:
        passphrase = self.folder / "passphrase"
        passphrase.touch(mode=0o600)
        passphrase.write_text(secrets.token_hex(16) + "\n")
        at = self.folder
        state = ("--state", f"{at}/signer", "--passphrase-file", str(passphrase))
        self.vkey = _run(CUSTODY, "signer", "init", "--origin", ORIGIN, *state).strip()
        self.start("signer", CUSTODY, "signer", "serve", "--socket", f"{at}/s/signer.sock", *state, ready=True)
        _run(
            CUSTODY,
            "log",
            "create",
            "--store",
            f"sqlite:{at}/ledger.db",
            "--signer",
            f"unix:{at}/s/signer.sock",
            ORIGIN,
        )
        settings = CONFIG + self.recorders
        (at / "config.toml").write_text(
            settings.format(folder=at, origin=ORIGIN, vkey=self.vkey, agent=self.agent_settings)
        )
        motion = MOTION.format(folder=at, film=self.film, custody=CUSTODY, config=at / "config.toml")
        (at / "motion.conf").write_text(motion)

    def start(self, name: str, *command: str, ready: bool = False) -> None:
        with (self.folder / f"{name}.log").open("a") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if ready else log,
                stderr=log,
                text=True,
                cwd=self.folder,
            )
        self.running[name] = process
        if ready and process.stdout is not None and " ready " not in process.stdout.readline():
            raise RuntimeError(f"{name} did not start")

    def ledger(self) -> None:
        at = self.folder
        where = ("--store", f"sqlite:{at}/ledger.db", "--signer", f"unix:{at}/s/signer.sock")
        self.start("ledger", CUSTODY, "serve", *where, "--listen", f"unix:{at}/s/ledger.sock", ready=True)

    def agent(self) -> None:
        self.start("agent", CUSTODY, "record", "run", "-v", "-c", str(self.folder / "config.toml"))

    def ffmpeg(self) -> None:
        into = ("-c", "copy", "-f", "segment", "-segment_time", "2", "-strftime", "1", "-reset_timestamps", "1")
        target = f"{self.folder}/hot/cam-01/%Y%m%dT%H%M%S.mp4"
        self.start("ffmpeg", "ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(self.film), *into, target)

    def motion(self) -> None:
        self.start("motion", "motion", "-c", str(self.folder / "motion.conf"))

    def stop(self, name: str, number: int = signal.SIGTERM) -> None:
        with self.running.pop(name) as process:  # closes its pipe, too
            process.send_signal(number)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()

    def check(self) -> dict[str, Any]:
        done = subprocess.run(
            [CUSTODY, "record", "check", "--json", "-c", str(self.folder / "config.toml")],
            capture_output=True,
            text=True,
            check=False,
        )
        found: dict[str, Any] = json.loads(done.stdout or "{}")
        return found

    def registered(self, camera: str = "cam-01") -> int:
        return sum(one["last_number"] for one in self.check().get("streams", []) if one["name"].endswith(camera))

    def oldest(self, skip: int) -> Path:
        return sorted((self.folder / "hot/cam-01").glob("*.mp4"))[skip]


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def until(true: Callable[[], bool], seconds: float) -> None:
    """Waits for a state of the world; TimeoutError when it never comes."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.2)


def story(field: Field, pause_s: float) -> dict[str, str]:
    """Everything that goes wrong, one after the other; returns the files that it happened to."""
    done: dict[str, str] = {}
    field.prepare()
    field.ledger()
    field.agent()
    field.ffmpeg()
    field.motion()
    until(lambda: field.registered() >= 4 and field.registered("cam-02") >= 1, 60)

    file = field.oldest(0)
    done["deleted"] = file.name
    file.unlink()
    time.sleep(pause_s)

    file = field.oldest(0)
    done["moved"] = file.name
    shutil.move(file, field.folder / "cold/cam-01" / file.name)
    time.sleep(pause_s)

    file = field.oldest(0)
    done["truncated"] = file.name
    with file.open("r+b") as content:
        content.truncate(file.stat().st_size // 2)
    time.sleep(pause_s)

    field.stop("ffmpeg", signal.SIGKILL)  # leaves a file without index behind
    time.sleep(7)
    done["unfinished"] = max((field.folder / "hot/cam-01").glob("*.mp4")).name
    field.ffmpeg()
    time.sleep(pause_s)

    field.stop("agent", signal.SIGKILL)
    time.sleep(pause_s)
    file = field.oldest(1)
    done["deleted while the agent was down"] = file.name
    file.unlink()
    field.agent()
    time.sleep(pause_s)

    field.stop("ledger")
    time.sleep(pause_s)
    field.ledger()
    time.sleep(pause_s)

    field.stop("ffmpeg", signal.SIGINT)
    field.stop("motion", signal.SIGINT)
    time.sleep(pause_s)
    files = list((field.folder / "hot/cam-01").glob("*.mp4")) + list((field.folder / "cold/cam-01").glob("*.mp4"))
    until(lambda: field.check()["backlog"] == 0 and field.registered() >= len(files) + 1, 60)
    # What is registered, deleted and truncated is in the log; the agent's own look at it:
    until(lambda: any(finding["code"] == "footage-altered" for finding in field.check()["findings"]), 20)
    time.sleep(6)
    field.stop("agent")
    return done


def read_log(field: Field) -> list[ReadRecord]:
    """Every record of the log, each proven."""
    with SyncLedgerClient.connect(f"unix:{field.folder}/s/ledger.sock", log=ORIGIN, vkeys=[field.vkey]) as client:
        entries = client.read(by_range(0, client.checkpoint().checkpoint.size))
        return [read_record(proven.entry.record) for proven in entries]


def audit(field: Field, done: dict[str, str]) -> dict[str, Any]:
    """What the log says."""
    paths: dict[tuple[str, int], str] = {}
    told: dict[str, Any] = {"gaps": [], "disposed": [], "moved": [], "altered": [], "damaged": [], "segments": []}
    for record in read_log(field):
        kind, body = record.kind.name, record.body
        if kind == "segment":
            name = body.path.rpartition("/")[2]
            paths[body.stream, body.number] = name
            told["segments"].append(name)
            if body.media_absence == 3:
                told["damaged"].append(name)
        elif kind == "gap":
            told["gaps"].append(
                [body.span.stream, body.reason, round((body.span.to_us - body.span.from_us) / 1e6, 1), body.open]
            )
        for key, ranges in (
            ("disposed", body.ranges if kind == "disposal" else ()),
            ("moved", body.ranges if kind == "move" else ()),
            ("altered", body.altered if kind == "integrity_scan" else ()),
        ):
            told[key] += [paths[run.stream, at] for run in ranges for at in range(run.first, run.last + 1)]
    field.stop("ledger")
    field.stop("signer")
    on_disk = {path.name for folder in ("hot", "cold", "motion") for path in (field.folder / folder).glob("*/*.mp4")}
    return {
        "done": done,
        "told": {key: value for key, value in told.items() if key != "segments"},
        "segments": len(told["segments"]),
        "twice": len(told["segments"]) - len(set(told["segments"])),
        "unregistered": sorted(on_disk - set(told["segments"])),
        "motion": sum(stream == "site-12/cam-02" for stream, _ in paths),
    }


def main() -> None:
    """Tells the story and prints the audit."""
    field = Field(Path(sys.argv[1]).resolve(), [Path(film).resolve() for film in sys.argv[3:]])
    try:
        done = story(field, float(sys.argv[2]))
        sys.stdout.write(json.dumps(audit(field, done), indent=1) + "\n")
    finally:
        for name in list(field.running):
            field.stop(name, signal.SIGKILL)


if __name__ == "__main__":
    main()
