"""`custody mirror`."""

from pathlib import Path

import click

from custody.verifier.mirror.copying import Mirror
from custody.verifier.progress import progress_bar
from custody.verifier.tiles.options import credential_options, read_credentials
from custody.verifier.tiles.source import open_source
from custody.verifier.trust import load_keys


@click.command("mirror")
@click.argument("source", metavar="URL|DIR")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@click.option(
    "--key", "keys", multiple=True, required=True, metavar="VKEY|FILE", help="Key of the log, or a file with keys."
)
@credential_options
def mirror(source: str, folder: Path, keys: tuple[str, ...], **shown: Path | None) -> None:
    """Copy a log into a folder that any web server or object store can serve.

    Every byte is verified against the signed checkpoint before it is written. Call it again to copy what is new; a run
    that was broken off goes on where it was. A log that was rolled back or forked since is refused (exit status 2), and
    the folder stays as it was.
    """
    opened = open_source(source, read_credentials(**shown))
    try:
        with progress_bar("entries") as progress:
            done = Mirror(opened, folder, load_keys(keys)).run(progress)
    finally:
        opened.close()
    click.echo(f"{folder}: {done.size} entries, {done.size - done.before} of them new, {done.fetched} bundles fetched")
