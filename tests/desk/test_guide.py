"""docs/desk.md: every command has an example that the desk accepts, and the configuration shown is one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.desk.desk_rig import SITE, DeskRig

from custody.core.note import SignatureType, SignerKey
from custody.desk.act import ACTS
from custody.desk.composing import compose
from custody.desk.config import read_config
from custody.desk.disclosures import Draft
from custody.desk.environment import DeskEnvironment
from custody.desk.errors import DeskConfigError
from custody.desk.form import read_form
from custody.v1 import record_pb2

GUIDE = (Path(__file__).parents[2] / "docs" / "desk.md").read_text(encoding="utf-8")
EXAMPLES = dict(
    re.findall(r"^### `custody desk ([a-z ]+)`\n\n[^\n]*\n\n```json\n(.*?)```", GUIDE, re.MULTILINE | re.DOTALL)
)
LOOKED_UP = {"correction", "disclose", "erase"}
KEY = SignerKey.from_seed("ledger.example/site-12", SignatureType.ED25519, bytes(32)).vkey.encode()


def test_every_command_has_an_example() -> None:
    assert set(EXAMPLES) == set(ACTS)


@pytest.mark.parametrize("name", sorted(set(ACTS) - LOOKED_UP))
def test_the_example_is_a_form(name: str) -> None:
    environment = DeskEnvironment()
    form = read_form(EXAMPLES[name].encode())
    compose(ACTS[name], form, Draft(SITE, (), environment.random), record_pb2.ClockQuality(), environment)


async def test_examples_in_the_order_of_a_year(place: DeskRig) -> None:
    """Everything happens once at one real desk; the three that look something up are given what happened."""
    record_id = ""
    broken: set[str] = set()
    for name, text in EXAMPLES.items():
        form: dict[str, Any] = read_form(text.encode())
        for key in {"corrects", "records"} & form.keys():
            form[key] = record_id if key == "corrects" else [record_id]
        receipt = await place.record(name, form)
        # The rules were asked beforehand, for every act; only an empty log cannot be read, so that nothing is foretold.
        assert (receipt["predicted"] is None) == (name == next(iter(EXAMPLES))), name
        broken |= {one["code"] for one in receipt["predicted"] or ()}
        if name == "access copy":
            record_id = receipt["record_id"]
    assert broken, "nothing at all was foretold in a year"
    place.rig.audit()


def write(folder: Path, text: str) -> Path:
    (folder / "log.vkey").write_text(KEY + "\n")
    path = folder / "desk.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_configuration_shown_is_one(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    config = read_config(write(tmp_path, shown))
    assert config.credentials.tls is not None
    assert (config.site, config.lang, config.disclosures) == ("site-12", "zh", tmp_path / "desk" / "disclosures.db")
    assert config.clock.uncertainty_us == 50_000


LEAST = 'site = "s"\n[ledger]\ntargets = ["unix:/x"]\nlog = "l"\nvkeys = "log.vkey"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("site", "desk.toml"),
        (LEAST.replace("site =", "place ="), "lacks 'site'"),
        ("lang = 'fr'\n" + LEAST, "neither 'en' nor 'zh'"),
        ("colour = 1\n" + LEAST, "unknown 'colour'"),
        (LEAST + "port = 1\n", "unknown 'port'"),
        (LEAST.replace('["unix:/x"]', "[]"), "names no targets"),
        (LEAST.replace('["unix:/x"]', "[1]"), "not a list of texts"),
        (LEAST + "timeout_s = -1\n", "is negative"),
        (LEAST + "timeout_s = true\n", "wrong type"),
        (LEAST + "[clock]\nsource = 'sun'\n", "source is not one of"),
        (LEAST + "[ledger.tls]\nroots = 'r'\n", "lacks 'certificate'"),
    ],
)
def test_a_configuration_is_read_strictly(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DeskConfigError, match=message):
        read_config(write(tmp_path, text))


def test_a_log_without_keys_is_not_trusted(tmp_path: Path) -> None:
    path = write(tmp_path, LEAST)
    (tmp_path / "log.vkey").write_text("\n")
    with pytest.raises(DeskConfigError, match="no vkeys"):
        read_config(path)


def test_without_a_configuration_it_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(DeskConfigError, match=r"--config or \$CUSTODY_DESK"):
        read_config(tmp_path / "desk.toml")
