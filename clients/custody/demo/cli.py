"""`custody demo`: the whole story on one machine, with real processes and real footage."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path

import click

from custody.client import LedgerClient
from custody.demo import tamper
from custody.demo.clip import encode_clip
from custody.demo.examine import Verdict, verify_footage, verify_log
from custody.demo.stage import (
    ORIGIN,
    SITE,
    DemoError,
    Stage,
    ledger_command,
    make_stage,
    prepare,
    process,
    register,
    signer_command,
)
from custody.demo.story import record_access, record_footage, streams_of
from custody.demo.tamper import Evidence
from custody.demo.texts import LANGUAGES, TEXTS

Say = Callable[..., str]


@click.command()
@click.option(
    "--footage",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Real footage, DIR/site/camera/files. Default: a short clip is encoded.",
)
@click.option("--folder", type=click.Path(path_type=Path), metavar="DIR", help="Where to work. Default: custody-demo.")
@click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of what is said.")
def demo(*, footage: Path | None, folder: Path | None, lang: str) -> int:
    """Record footage, prove it, falsify it in five ways, and see each one caught.

    Starts a signer and a ledger in a new folder, appends the hash of every segment and an access by two officers
    through the client library, and verifies everything. Then it tampers with copies as somebody could who has full
    access to the machine, and runs the verifier on each. The folder stays, to be looked at.

    Exit status: 0 every falsification was caught, 1 one was not, 2 the demo could not run.
    """

    def say(key: str, **values: object) -> str:
        return TEXTS[lang][key].format(**values)

    with make_stage(folder) as stage:
        return _run(stage, footage, say)


def _run(stage: Stage, footage: Path | None, say: Say) -> int:
    source = _bring_footage(stage, footage, say)
    streams = streams_of(stage.footage)
    files = sum(map(len, streams.values()))
    if not files:
        raise DemoError(f"no footage files (site/camera/file) in {source}", code="no-footage")
    _step(1, say("step-footage", count=files, streams=len(streams), source=source))
    vkey = prepare(stage)
    (stage.folder / "disclosures").mkdir(mode=0o700)
    earlier = stage.folder / "before-access.db"
    with process(stage, *signer_command(stage)), process(stage, *ledger_command(stage)) as ledger:
        _step(2, say("step-start", origin=ORIGIN))
        register(stage, ledger, vkey)
        access_id = asyncio.run(_tell(stage, ledger, vkey, earlier, say))
    log = verify_log(stage, stage.database, vkey, remember=True)
    seen = verify_footage(stage.database, stage.footage, vkey)
    _step(5, say("step-verify", footage=say(seen.word), log=say(log.word)))
    if log.exit_status or seen.exit_status:
        _show(log)
        _show(seen)
        click.echo(say("failed"), err=True)
        return 1
    click.echo("\n" + say("step-tamper"))
    return _summarize(stage, files, _falsify(stage, vkey, access_id, earlier, say), say)


def _bring_footage(stage: Stage, footage: Path | None, say: Say) -> str:
    if footage is None:
        encode_clip(stage.footage / SITE / "cam-01")
        return say("source-own")
    shutil.copytree(footage, stage.footage, ignore=lambda *_: ["README.md"])
    for path in stage.footage.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return str(footage)


async def _tell(stage: Stage, ledger: str, vkey: str, earlier: Path, say: Say) -> bytes:
    async with AsyncExitStack() as parties:

        async def connect(name: str) -> LedgerClient:
            client = await LedgerClient.connect(
                ledger,
                log=ORIGIN,
                vkeys=[vkey],
                state=stage.folder / f"{name}-state.db",
                credentials=stage.credentials(name),
            )
            return await parties.enter_async_context(client)

        recorder, custodian, desk = [await connect(name) for name in ("recorder", "custodian", "desk")]
        count, spans = await record_footage(recorder, custodian, stage.footage)
        await custodian.chain_heads(fresh=True)
        _step(3, say("step-record", count=count))
        await asyncio.to_thread(_copy_database, stage.database, earlier)
        access_id = await record_access(desk, spans, stage.folder / "disclosures")
        await desk.chain_heads(fresh=True)
        _step(4, say("step-access"))
    return access_id


def _copy_database(database: Path, copy: Path) -> None:
    with (
        closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)


def _falsify(stage: Stage, vkey: str, access_id: bytes, earlier: Path, say: Say) -> list[tuple[str, Verdict]]:
    def footage(evidence: Evidence) -> Verdict:
        return verify_footage(evidence.database, evidence.footage, vkey)

    def log(evidence: Evidence) -> Verdict:
        return verify_log(stage, evidence.database, vkey, remember=False)

    cases: list[tuple[str, Callable[[Evidence], str], Callable[[Evidence], Verdict]]] = [
        ("case-file", tamper.flip_byte_of_file, footage),
        ("case-deleted", tamper.delete_file, footage),
        ("case-entry", tamper.flip_byte_of_entry, log),
        ("case-removed", lambda evidence: tamper.remove_entry(evidence, access_id), log),
        ("case-rollback", lambda evidence: tamper.roll_back(evidence, earlier), log),
    ]
    results = []
    for number, (name, falsify, examine) in enumerate(cases, 1):
        evidence = _copy_evidence(stage, f"tampered-{number}")
        falsify(evidence)
        verdict = examine(evidence)
        caught = say("caught") if verdict.exit_status == 1 and verdict.findings else say("missed")
        click.echo("  " + say("case", number=number, name=say(name), result=caught))
        _show(verdict)
        results.append((name, verdict))
    return results


def _copy_evidence(stage: Stage, name: str) -> Evidence:
    folder = stage.folder / name
    folder.mkdir()
    shutil.copytree(stage.footage, folder / "footage")
    _copy_database(stage.database, folder / "ledger.db")
    return Evidence(database=folder / "ledger.db", footage=folder / "footage")


def _summarize(stage: Stage, files: int, results: list[tuple[str, Verdict]], say: Say) -> int:
    caught = [name for name, verdict in results if verdict.exit_status == 1 and verdict.findings]
    click.echo(f"\n{say('summary')}\n")
    click.echo("  " + say("sum-good", count=files))
    click.echo("  " + say("sum-caught", caught=len(caught), total=len(results)))
    for name in caught:
        click.echo(f"    - {say(name)}")
    click.echo("  " + say("sum-why"))
    click.echo("  " + say("sum-limits"))
    click.echo(f"\n  {say('sum-look', folder=stage.folder)}")
    command = f"custody verify log {stage.database} --trust {stage.folder / 'log.vkey'}"
    click.echo("  " + say("sum-try", command=command))
    return 0 if len(caught) == len(results) else 1


def _step(number: int, text: str) -> None:
    click.echo(f"{number}  {text}")


def _show(verdict: Verdict) -> None:
    for code, message in verdict.findings[:3]:
        click.echo(f"       {message} [{code}]")
    if len(verdict.findings) > 3:
        click.echo(f"       ... (+{len(verdict.findings) - 3})")
