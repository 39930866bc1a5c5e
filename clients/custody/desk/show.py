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
    _section(say(lang, "breaks", count=len(broken)) if broken else say(lang, "fine"), broken, lang)
    if listed:
        _section(say(lang, "lists"), listed, lang)
    settled = [finding for finding in forecast.cures if finding.severity > Severity.INFO]
    if settled:
        _section(say(lang, "cures"), settled, lang)


def _section(title: str, findings: list[Finding], lang: str) -> None:
    click.secho(title, err=True, bold=bool(findings))
    for finding in findings:
        for line in _lines(finding, lang):
            click.echo(line, err=True)


def _lines(finding: Finding, lang: str) -> Iterator[str]:
    chinese = lang == "zh"
    severity = say(lang, finding.severity.name.lower())
    subject = f"{finding.subject.name}: " if finding.subject.name else ""
    text = finding.zh if chinese else finding.en
    yield f"  - {subject}{text} [{finding.code}, {severity}]"
    for article in finding.articles:
        mark = "" if article.quoted else f" {say(lang, 'paraphrase')}"
        yield f"      {article.id}{mark}: {article.zh if chinese else article.en}"
    for penalty in finding.penalties:
        yield f"      {say(lang, 'penalty')}: {_penalty(penalty, lang)}"


def _penalty(penalty: Penalty, lang: str) -> str:
    text = penalty.zh if lang == "zh" else penalty.en
    amounts = [f"{amount:,}" for amount in (penalty.minimum, penalty.maximum) if amount is not None]
    band = "–".join(amounts) + f" {penalty.unit}" if amounts else ""
    if penalty.minimum is None and penalty.maximum is not None:
        band = f"≤ {band}"
    mark = "" if penalty.quoted else f" {say(lang, 'paraphrase')}"
    return f"{penalty.id}{mark}{', ' + band if band else ''}: {text}"


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
