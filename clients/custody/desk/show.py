"""What a person is shown before and after a record: rules with their articles and penalties, and the receipt."""

import uuid
from collections.abc import Iterator
from typing import Any

import click

from custody.client.receipt import ProvenEntry
from custody.desk.scalar import show_moment
from custody.desk.texts import say
from custody.rules import Finding, Penalty, Preview, Severity


def blaming(forecast: Preview) -> list[Finding]:
    """Findings that say that a rule is broken; the others only list a fact."""
    return [finding for finding in forecast.causes if finding.severity > Severity.INFO]


def show_forecast(forecast: Preview, lang: str) -> None:
    """Writes to stderr what a record would cause and settle."""
    broken = blaming(forecast)
    listed = [finding for finding in forecast.causes if finding not in broken]
    _section(_title(len(broken), lang), broken, lang)
    if listed:
        _section(say(lang, "lists"), listed, lang)
    settled = [finding for finding in forecast.cures if finding.severity > Severity.INFO]
    if settled:
        _section(say(lang, "cures"), settled, lang)


def _title(broken: int, lang: str) -> str:
    if not broken:
        return say(lang, "fine")
    return say(lang, "breaks-one" if broken == 1 else "breaks", count=broken)


def _section(title: str, findings: list[Finding], lang: str) -> None:
    click.secho(title, err=True, bold=bool(findings))
    told: set[str] = set()
    for finding in findings:
        for line in _lines(finding, lang, told):
            click.echo(line, err=True)


def _lines(finding: Finding, lang: str, told: set[str]) -> Iterator[str]:
    """A finding with its articles and penalties; the text of a penalty is told once for all findings."""
    chinese = lang == "zh"
    colon = "：" if chinese else ": "
    subject = f"{finding.subject.name}{colon}" if finding.subject.name else ""
    text = finding.zh if chinese else finding.en
    yield f"  - {subject}{text} [{finding.code}, {say(lang, finding.severity.name.lower())}]"
    for article in finding.articles:
        mark = "" if article.quoted else say(lang, "paraphrase")
        yield f"      {article.id}{mark}{colon}{article.zh if chinese else article.en}"
    for penalty in finding.penalties:
        repeated = penalty.id in told
        told.add(penalty.id)
        yield f"      {say(lang, 'penalty')}{colon}{_penalty(penalty, lang, brief=repeated)}"


def _penalty(penalty: Penalty, lang: str, *, brief: bool) -> str:
    chinese = lang == "zh"
    amounts = [f"{amount:,}" for amount in (penalty.minimum, penalty.maximum) if amount is not None]
    unit = "元" if chinese and penalty.unit == "CNY" else penalty.unit
    band = f"{'–'.join(amounts)} {unit}" if amounts else ""
    if penalty.minimum is None and penalty.maximum is not None:
        band = f"≤ {band}"
    head = penalty.id + ("" if penalty.quoted else say(lang, "paraphrase"))
    if band:
        head += f"{'，' if chinese else ', '}{band}"
    if brief:
        return head
    return f"{head}{'：' if chinese else ': '}{penalty.zh if chinese else penalty.en}"


def show_receipt(entry: ProvenEntry, record_id: bytes, lang: str) -> None:
    """Writes to stdout where the record stands in the log."""
    click.echo(say(lang, "recorded"))
    click.echo(say(lang, "leaf", index=entry.index))
    for link in entry.entry.links:
        click.echo(say(lang, "chain", chain=link.chain, seq=link.seq))
    click.echo(say(lang, "record-id", record_id=uuid.UUID(bytes=record_id)))


def receipt_json(entry: ProvenEntry, record_id: bytes, forecast: Preview | None) -> dict[str, Any]:
    """The same for programs; `predicted` is null where the rules could not be checked."""
    return {
        "recorded": True,
        "index": entry.index,
        "leaf_sha256": entry.leaf.hex(),
        "chains": {link.chain: link.seq for link in entry.entry.links},
        "record_id": str(uuid.UUID(bytes=record_id)),
        "sequenced_at": show_moment(entry.entry.sequenced_at_us),
        "predicted": predicted_json(forecast),
    }


def predicted_json(forecast: Preview | None) -> list[dict[str, Any]] | None:
    """Findings that a record would cause."""
    return None if forecast is None else [finding.as_json() for finding in forecast.causes]
