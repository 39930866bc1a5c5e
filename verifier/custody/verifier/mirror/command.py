"""`custody mirror`."""

from pathlib import Path

import click

from custody.verifier.mirror.copying import Mirror
from custody.verifier.progress import progress_bar
from custody.verifier.tiles.options import credential_options, read_credentials
from custody.verifier.tiles.source import open_source
from custody.verifier.trust import load_trust, trust_option


@click.command("mirror")
@click.argument("source", metavar="URL|DIR")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@trust_option(required=True)
@credential_options
def mirror(source: str, folder: Path, trust: tuple[str, ...], **shown: Path | None) -> None:
    """Copy a log into a folder that any web server or object store can serve.

    Every byte is verified against the signed checkpoint before it is written. Call it again to copy what is new; a run
    that was broken off goes on where it was. A log that was rolled back or forked since is refused (exit status 2), and
    the folder stays as it was.
    """
    trusted = load_trust(trust)
    opened = open_source(source, read_credentials(**shown))
    try:
        with progress_bar("entries") as progress:
            done = Mirror(opened, folder, trusted.keys, policy=trusted).run(progress)
    finally:
        opened.close()
    click.echo(f"{folder}: {done.size} entries, {done.size - done.before} of them new, {done.fetched} bundles fetched")
