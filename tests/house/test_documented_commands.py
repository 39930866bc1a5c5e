"""Every `custody ...` command line in the documents names a command that exists, with options that it has. Nothing is run."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from custody.cli.main import root_command

ROOT = Path(__file__).parents[2]
# Decisions of former days tell of the commands of former days.
DOCUMENTS = [
    path.relative_to(ROOT)
    for path in [*ROOT.glob("*.md"), ROOT / "bench/README.md", *sorted(ROOT.glob("docs/**/*.md"))]
    if "adr" not in path.parts and path.name != "CHANGELOG.md"
]
BLOCK = re.compile(r"^(?: *```[^\n]*\n.*?^ *```|(?: {4,}\S[^\n]*\n)+)", re.DOTALL | re.MULTILINE)
# A command begins a line, or follows a prompt, a pipe, a folder or a recorder's own setting; a subcommand or option follows.
IN_BLOCK = re.compile(r"(?:^|(?<=[ /|;&$]))custody (?=[a-z-]).*", re.MULTILINE)
IN_TEXT = re.compile(r"`custody ([^`]+)`")


def command_lines(text: str) -> Iterator[str]:
    """Yield what stands behind `custody` in code blocks (continued lines joined) and in spans of code."""
    for block in BLOCK.findall(text):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            # not a user, database or folder of that name (`User=custody`, `createuser custody`)
            if (found := IN_BLOCK.search(line)) and not re.search(r"\b(pg_dump|createdb|createuser)\b", line):
                yield found[0].removeprefix("custody ")
    for span in IN_TEXT.findall(BLOCK.sub("", text)):
        yield " ".join(span.split())


@cache
def root() -> click.Command:
    return root_command()


def faults(line: str) -> list[str]:
    """Return what is wrong with a command line: no such command, no such option, or an option's former name."""
    words = shlex.split(line.replace("'", "") if line.count("'") % 2 else line, comments=True)
    command, context, path = root(), click.Context(root(), info_name="custody"), "custody"
    while isinstance(command, click.Group) and words and not words[0].startswith(("-", "...")):
        word = words.pop(0)
        below = command.get_command(context, word)
        if below is None:
            return [f"{path}: no command {word!r}"]
        command, path = below, f"{path} {word}"
        context = click.Context(command, info_name=word, parent=context)
    known = {name for option in command.get_params(context) for name in (*option.opts, *option.secondary_opts)}
    given = [word.strip("[]").partition("=")[0] for word in words if word.strip("[").startswith("-")]
    unknown = [f"{path}: no option {option!r}" for option in given if option not in known and option not in ("-", "--")]
    former = [f"{path}: {option!r} is spelled --trust" for option in given if option == "--key" and "--trust" in known]
    return unknown + former


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_documented_commands_exist_with_these_options(document: Path) -> None:
    lines = command_lines((ROOT / document).read_text(encoding="utf-8"))
    assert {line: wrong for line in lines if (wrong := faults(line))} == {}


def test_enough_is_found_and_faults_are_named() -> None:
    found = [line for document in DOCUMENTS for line in command_lines((ROOT / document).read_text(encoding="utf-8"))]
    assert len(found) > 100
    assert "verify log ledger.db --trust log.vkey --remember my-last-checkpoint" in found
    assert "keys tell DIR/retired-ID.record --ledger ... --log ... --trust NEW-VKEY" in found
    assert faults("verify nothing --key a") == ["custody verify: no command 'nothing'"]
    assert faults("verify log ledger.db --kye a") == ["custody verify log: no option '--kye'"]
    assert faults("verify log ledger.db --key a") == ["custody verify log: '--key' is spelled --trust"]
    assert faults("signer init --key file:/k  # comment --no") == []
