"""The verifier's commands take who they are by the same options and environment as the ledger's clients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from custody.client.options import tls_options
from custody.verifier.tiles.options import credential_options, read_credentials

NAMES = {"tls_ca": "CA", "tls_cert": "CERT", "tls_key": "KEY", "tls_passphrase_file": "PASSPHRASE_FILE"}


def taken(options: Any, arguments: list[str], env: dict[str, str]) -> dict[str, Path | None]:
    seen: dict[str, Path | None] = {}

    def run(**given: Path | None) -> None:
        seen.update(given)

    result = CliRunner().invoke(click.command("x")(options(run)), arguments, env=env, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return seen


@pytest.mark.parametrize("options", [tls_options, credential_options])
def test_environment_and_options_are_the_same_everywhere(options: Any) -> None:
    env = {f"CUSTODY_TLS_{name}": f"env/{name}" for name in NAMES.values()}
    assert {name: taken(options, [], env)[name] for name in NAMES} == {
        name: Path(f"env/{word}") for name, word in NAMES.items()
    }
    assert taken(options, ["--tls-ca", "given.pem"], env)["tls_ca"] == Path("given.pem")


def test_the_verifier_reads_what_the_environment_names(tmp_path: Path) -> None:
    phrase = tmp_path / "phrase"
    phrase.touch(mode=0o600)
    phrase.write_text("a secret\n")
    env = {"CUSTODY_TLS_CERT": "c.pem", "CUSTODY_TLS_KEY": "k.pem", "CUSTODY_TLS_PASSPHRASE_FILE": str(phrase)}
    shown = read_credentials(**taken(credential_options, [], env))
    assert (shown.certificate, shown.key, shown.passphrase) == (Path("c.pem"), Path("k.pem"), b"a secret")
