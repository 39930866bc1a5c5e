import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from custody.cli import main as command_line
from custody.cli.commands import COMMANDS, Command, Group
from custody.cli.explain import explain
from custody.cli.lazy import LazyGroup, load
from custody.core.errors import CustodyError, ForkError


def every_command(table: Mapping[str, Command | Group]) -> list[tuple[str, Command]]:
    found: list[tuple[str, Command]] = []
    for name, entry in table.items():
        match entry:
            case Command():
                found.append((name, entry))
            case Group(commands=commands):
                found += [(f"{name} {below}", command) for below, command in commands.items()]
    return found


@click.command("broken")
@click.argument("kind")
def broken(kind: str) -> int:
    match kind:
        case "ours":
            raise ForkError("two roots at size 7", held=b"", offered=b"")
        case "group":
            raise ExceptionGroup(
                "tasks", [ValueError("noise"), ExceptionGroup("in", [CustodyError("no", code="some-code")])]
            )
        case "file":
            raise FileNotFoundError(2, "No such file or directory", "somewhere")
        case "bug":
            raise ZeroDivisionError("division by zero")
        case "stop":
            raise KeyboardInterrupt
        case _:
            return 1


@pytest.fixture
def with_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {"broken": Command(target=f"{__name__}:broken", summary="Fail in many ways.")}
    monkeypatch.setattr(command_line, "COMMANDS", table)


@pytest.mark.usefixtures("with_broken")
@pytest.mark.parametrize(
    ("kind", "status", "lines"),
    [
        ("ours", 2, ["error: two roots at size 7 [fork]", "hint: two signed histories exist"]),
        ("group", 2, ["error: no [some-code]"]),
        ("file", 2, ["error: somewhere: No such file or directory [os-error]"]),
        ("bug", 2, ["error: ZeroDivisionError: division by zero [internal-error]", "hint: this is a fault of custody"]),
        ("stop", 130, ["interrupted"]),
        ("findings", 1, []),
    ],
)
def test_an_error_is_one_line_with_a_code(
    capsys: pytest.CaptureFixture[str], kind: str, status: int, lines: list[str]
) -> None:
    assert command_line.run(["broken", kind]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    shown = err.splitlines()
    assert len(shown) == len(lines)
    assert all(line.startswith(start) for line, start in zip(shown, lines, strict=True))


@pytest.mark.usefixtures("with_broken")
def test_debug_lets_the_error_through() -> None:
    with pytest.raises(ZeroDivisionError):
        command_line.run(["--debug", "broken", "bug"])


@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["--no-such-option"]])
def test_misuse_goes_to_stderr_with_status_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert command_line.run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: custody")


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("custody, version ")
    assert command_line.run(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in COMMANDS)


def test_every_listed_command_exists_and_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for name, command in every_command(COMMANDS):
        assert load(command).help, name
        assert command.summary.endswith("."), name
        assert command_line.run([*name.split(), "--help"]) == 0
        assert capsys.readouterr().out.startswith(f"Usage: custody {name}")


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "no_such_library", None)
    command = Command(target="no_such_library.inner:run", summary="Never.", extra="ledger")
    group = LazyGroup("custody", table={"never": command}, help="")
    with pytest.raises(Exception, match="no_such_library") as caught:
        group.get_command(click.Context(group), "never")
    message, code = explain(caught.value)
    assert code == "extra-missing"
    assert 'pip install "evidence-ledger[ledger]"' in message


def test_listing_the_commands_loads_none_of_them() -> None:
    heavy = {"grpc", "asyncpg", "starlette", "pydantic", "av", "rich", "jinja2", "cryptography"}
    script = f"import sys; from custody.cli.main import run; run(['-h']); print(*({heavy} & sys.modules.keys()), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not done.stderr.split()


def test_a_closed_pipe_is_not_a_finding() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    custody = Path(sys.executable).parent / "custody"
    done = subprocess.run([custody, "--help"], stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.returncode == 2
    assert not done.stderr
