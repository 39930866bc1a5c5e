"""Commands of the ledger server: `custody serve`, `custody log create`, `custody log check`."""

import asyncio
import logging
import sys
from contextlib import ExitStack
from pathlib import Path

import click
import grpc
import structlog

from custody.asgi.serving import HttpAddress
from custody.core.names import check_site
from custody.private.passphrase import choose
from custody.server.address import check_listen
from custody.server.app import Settings, now_us
from custody.server.app import serve as serve_app
from custody.server.gate import GateSettings
from custody.server.http.settings import HttpSettings
from custody.server.http.tls import HttpTls
from custody.server.leadership import LEASE_S
from custody.server.limits import Limits
from custody.server.recovery import check_signer, load
from custody.server.remote_signer import RemoteSigner
from custody.server.storage import open_directory
from custody.server.store.protocol import LogUnknown
from custody.server.timestamping.options import read_settings as read_timestamps
from custody.server.tls import TlsSettings
from custody.server.witnessing.options import open_neighbours, read_settings
from custody.server.witnessing.quorum import Mode
from custody.timestamping.authorities import HASHES

_STORE = click.option(
    "--store", required=True, metavar="URI", help="Where logs are kept: sqlite:PATH or postgresql://..."
)
_SIGNER = click.option(
    "--signer", required=True, metavar="TARGET", help="The signer's socket: unix:PATH (see: custody signer serve)."
)


_FILE = click.Path(dir_okay=False, path_type=Path)
_PLACEMENT = click.option(
    "--placement",
    type=_FILE,
    metavar="TOML",
    help="Which logs live on other PostgreSQL servers than --store (docs/ops/postgresql.md).",
)
_FOLDER = click.Path(file_okay=False, path_type=Path)


def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


@click.command()
@_STORE
@_PLACEMENT
@click.option(
    "--signer",
    "signers",
    multiple=True,
    required=True,
    metavar="TARGET",
    help="A signer's socket: unix:PATH (see: custody signer serve). Repeatable: each log has its own.",
)
@click.option("--log", "origins", multiple=True, metavar="ORIGIN", help="A log to host; default: all in the storage.")
@click.option(
    "--listen", "listen", multiple=True, required=True, metavar="ADDRESS", help="unix:PATH, or HOST:PORT on loopback."
)
@click.option(
    "--tls-cert", type=_FILE, metavar="PEM", help="The server's certificate chain: mutual TLS 1.3 on HOST:PORT."
)
@click.option("--tls-key", type=_FILE, metavar="PEM", help="Its encrypted key.")
@click.option(
    "--tls-passphrase-file", type=_FILE, metavar="FILE", help="Passphrase of the key. Asked for when not given."
)
@click.option("--client-ca", type=_FILE, metavar="PEM", help="Authorities whose certificates clients bring.")
@click.option("--crl", type=_FILE, metavar="PEM", help="Their revocation lists; taken up again when it changes.")
@click.option(
    "--demand-seals",
    "sealed_sites",
    multiple=True,
    metavar="SITE",
    help="Take this site's footage, and what its recorders tell, only sealed. Repeatable.",
)
@click.option(
    "--max-records-per-second", default=Limits().records_per_s, show_default=True, help="Of one identity; 0: no limit."
)
@click.option(
    "--max-bytes-per-second", default=Limits().bytes_per_s, show_default=True, help="Of one identity; 0: no limit."
)
@click.option("--max-streams", default=Limits().open_streams, show_default=True, help="Open streams of one identity.")
@click.option(
    "--max-batches", default=Limits().outstanding_batches, show_default=True, help="Unanswered batches of one identity."
)
@click.option("--advertise", default="", metavar="ADDRESS", help="Where senders find this process; default: --listen.")
@click.option("--insecure-loopback", is_flag=True, help="Allow plain text on a loopback address.")
@click.option(
    "--snapshot-interval", default=3_600.0, show_default=True, metavar="SECONDS", help="Between heads snapshots."
)
@click.option(
    "--http", metavar="HOST:PORT", help="Serve checkpoint, tiles, entries, health and metrics over HTTP here."
)
@click.option("--http-tls-cert", type=_FILE, metavar="FILE", help="Certificate chain for --http, PEM.")
@click.option("--http-tls-key", type=_FILE, metavar="FILE", help="Private key of that certificate, PEM.")
@click.option("--http-tls-passphrase-file", type=_FILE, metavar="FILE", help="Its passphrase, if it is encrypted.")
@click.option(
    "--http-client-ca", type=_FILE, metavar="PEM", help="Authorities whose certificates readers of entries bring."
)
@click.option("--http-crl", type=_FILE, metavar="PEM", help="Their revocation lists; taken up again when it changes.")
@click.option(
    "--http-tokens", type=_FILE, metavar="FILE", help="Who may read entries: lines 'SHA256-OF-TOKEN IDENTITY'."
)
@click.option("--http-open-entries", is_flag=True, help="Let everybody read entries.")
@click.option("--lease", "lease_s", type=click.FloatRange(min=0.1), default=LEASE_S, hidden=True)  # docs/ops/ha.md
@click.option(
    "--policy", type=_FILE, metavar="FILE", help="C2SP tlog-policy: the witnesses that cosign, and the quorum."
)
@click.option(
    "--witness-mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.REQUIRE.value,
    show_default=True,
    help="Without a quorum: publish nothing, publish and say so, or never wait for it.",
)
@click.option(
    "--witness-deadline", default=2.0, show_default=True, metavar="SECONDS", help="For the quorum, each time."
)
@click.option(
    "--witness-every",
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Show an idle log to the witnesses again.",
)
@click.option("--timestamps", type=_FOLDER, metavar="DIR", help="Keep time-stamp tokens over checkpoints here.")
@click.option("--tsa", "tsas", multiple=True, metavar="URL", help="RFC 3161 time-stamping authority. Repeatable.")
@click.option("--tsa-root", "tsa_roots", type=_FILE, multiple=True, metavar="PEM", help="Its root. Repeatable.")
@click.option(
    "--tsa-hash", type=click.Choice(sorted(HASHES)), default="sha256", show_default=True, help="What is stamped."
)
@click.option(
    "--timestamp-every", default=86_400.0, show_default=True, metavar="SECONDS", help="Between two stamped checkpoints."
)
@click.option(
    "--timestamp-renew",
    default=90.0,
    show_default=True,
    metavar="DAYS",
    help="Renew tokens so long before a certificate in them ends.",
)
@click.option("--witness-state", type=_FOLDER, metavar="DIR", help="Host this witness for other logs, beside --http.")
@click.option("--witness-passphrase-file", type=_FILE, metavar="FILE", help="Passphrase of that witness's keys.")
@click.option("--witness-for", type=_FILE, metavar="FILE", help="C2SP tlog-policy: the logs that it watches.")
def serve(
    *,
    store: str,
    placement: Path | None,
    signers: tuple[str, ...],
    origins: tuple[str, ...],
    listen: tuple[str, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_passphrase_file: Path | None,
    client_ca: Path | None,
    crl: Path | None,
    sealed_sites: tuple[str, ...],
    max_records_per_second: int,
    max_bytes_per_second: int,
    max_streams: int,
    max_batches: int,
    advertise: str,
    insecure_loopback: bool,
    snapshot_interval: float,
    lease_s: float,
    http: str | None,
    http_tls_cert: Path | None,
    http_tls_key: Path | None,
    http_tls_passphrase_file: Path | None,
    http_client_ca: Path | None,
    http_crl: Path | None,
    http_tokens: Path | None,
    http_open_entries: bool,
    policy: Path | None,
    witness_mode: str,
    witness_deadline: float,
    witness_every: float,
    timestamps: Path | None,
    tsas: tuple[str, ...],
    tsa_roots: tuple[Path, ...],
    tsa_hash: str,
    timestamp_every: float,
    timestamp_renew: float,
    witness_state: Path | None,
    witness_passphrase_file: Path | None,
    witness_for: Path | None,
) -> int:
    """Run the ledger server.

    It takes records over gRPC, puts them into the log in one order, has every tree head signed by the signer, and
    answers only when a record is durable and under a signed checkpoint. One line "ledger ready ORIGIN ADDRESS" on
    stdout says that it takes records. SIGTERM stops it; a kill at any moment loses nothing that was acknowledged.

    A log that must not be written says why on stderr and answers UNAVAILABLE; other logs go on. The server ends when none
    is left. Exit status: 0 stopped, 2 a log must not be written.
    """
    _log_to_stderr()
    tls = read_tls(tls_cert, tls_key, tls_passphrase_file, client_ca, crl)
    addresses = [check_listen(address, insecure_loopback=insecure_loopback, tls=tls is not None) for address in listen]
    limits = Limits(
        records_per_s=max_records_per_second,
        bytes_per_s=max_bytes_per_second,
        open_streams=max_streams,
        outstanding_batches=max_batches,
    )
    gate = GateSettings(limits=limits, sealed_sites=frozenset(map(check_site, sealed_sites)))
    side = None
    if http is not None:
        address = HttpAddress.parse(http, http_tls_cert, http_tls_key)
        speaking = read_http_tls(address, http_tls_passphrase_file, http_client_ca, http_crl)
        side = HttpSettings(address=address, tls=speaking, tokens=http_tokens, open_entries=http_open_entries)
    elif witness_state is not None:
        raise click.UsageError("--witness-state needs --http, where other logs reach the witness")
    witnesses = None
    if policy is not None:
        witnesses = read_settings(policy, witness_mode, witness_deadline, witness_every)
    stack = ExitStack()
    settings = Settings(
        listen=addresses,
        advertise=advertise,
        snapshot_interval_s=snapshot_interval,
        lease_s=lease_s,
        tls=tls,
        gate=gate,
        http=side,
        witnesses=witnesses,
        timestamps=read_timestamps(timestamps, tsas, tsa_roots, tsa_hash, timestamp_every, timestamp_renew),
        neighbours=open_neighbours(stack, witness_state, witness_passphrase_file, witness_for)
        if witness_state
        else None,
    )

    async def run() -> int:
        directory = await open_directory(store, placement=placement)
        try:
            hosted = origins or tuple(await directory.origins())
            if not hosted:
                raise LogUnknown("the storage holds no log; create one with: custody log create")
            return await serve_app(directory, signers, hosted, settings)
        finally:
            await directory.close()

    with stack:
        return asyncio.run(run())


def read_tls(
    certificate: Path | None,
    key: Path | None,
    passphrase_file: Path | None,
    authorities: Path | None,
    lists: Path | None,
) -> TlsSettings | None:
    """What the TLS options say together; None when there are none. Raises click.UsageError when they are not whole."""
    if certificate is None and key is None and authorities is None and lists is None and passphrase_file is None:
        return None
    if certificate is None or key is None or authorities is None:
        raise click.UsageError("TLS needs --tls-cert, --tls-key and --client-ca")
    return TlsSettings(
        certificate=certificate,
        key=key,
        passphrase=choose(passphrase_file, "the server's key"),
        client_authorities=authorities,
        revocation_lists=lists,
    )


def read_http_tls(
    address: HttpAddress, passphrase_file: Path | None, authorities: Path | None, lists: Path | None
) -> HttpTls | None:
    """What the TLS options of --http say together; None: plain text. Raises click.UsageError when they are not whole."""
    if address.certificate is None or address.private_key is None:
        if authorities is not None or lists is not None:
            raise click.UsageError("client certificates need --http-tls-cert and --http-tls-key")
        return None
    if lists is not None and authorities is None:
        raise click.UsageError("--http-crl belongs to --http-client-ca")
    return HttpTls(
        certificate=address.certificate,
        key=address.private_key,
        passphrase=choose(passphrase_file, "the key of the HTTP side"),
        client_authorities=authorities,
        revocation_lists=lists,
    )


@click.command()
@_STORE
@_PLACEMENT
@_SIGNER
@click.argument("origin")
def create(store: str, placement: Path | None, signer: str, origin: str) -> None:
    """Create the log ORIGIN, empty, with the keys that the signer holds for it.

    A log is created only by this command, never by a server that finds nothing. ORIGIN names the log for ever, for
    example "custody.example/site-12". Prints the verifier keys; give them to everyone who will check the log.
    """

    async def run() -> tuple[str, ...]:
        async with grpc.aio.insecure_channel(signer) as channel:
            vkeys = (await RemoteSigner(channel).state(origin)).vkeys
        directory = await open_directory(store, create=True, placement=placement)
        try:
            await directory.create(origin, vkeys, now_us())
        finally:
            await directory.close()
        return vkeys

    for vkey in asyncio.run(run()):
        click.echo(vkey)


@click.command()
@_STORE
@_PLACEMENT
@_SIGNER
@click.argument("origin")
def check(store: str, placement: Path | None, signer: str, origin: str) -> None:
    """Check whether the log ORIGIN may be written: the checks of start-up, without writing.

    After a restore this names what is missing against the signer's memory. The server must not be running.
    """

    async def run() -> str:
        directory = await open_directory(store, placement=placement)
        try:
            log = await directory.open(origin)
            state, _ = await load(log, now_us())
            async with grpc.aio.insecure_channel(signer) as channel:
                remembered = await RemoteSigner(channel).state(origin)
            await check_signer(log, state, remembered)
            return (
                f"{origin}: {state.head.size} entries, {state.published} of them published, the signer signed up to"
                f" {remembered.size}: may be written"
            )
        finally:
            await directory.close()

    click.echo(asyncio.run(run()))
