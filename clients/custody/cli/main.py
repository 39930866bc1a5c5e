"""The entry point of the `custody` command.

Rules of every command line here: results go to stdout, everything else to stderr; colour only on a terminal;
an error says what happened, carries its stable code in brackets and, where we know it, what to do next.

Exit status: 0 fine, 1 findings (something was checked and is wrong), 2 could not do it, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from custody.cli.commands import COMMANDS
from custody.cli.explain import explain, hint_for
from custody.cli.lazy import LazyGroup

COULD_NOT = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count

HELP = """Keep and check an append-only, signed record of video footage and of everyone who touched it.

Exit status: 0 fine, 1 findings, 2 could not do it."""


def root_command() -> click.Group:
    """Return the top-level command with its options."""
    root = LazyGroup("custody", table=COMMANDS, help=HELP)
    root.context_settings["help_option_names"] = ["-h", "--help"]
    # Read by `run`, which outlives every command; declared here for the help text and the parser.
    root.params.append(
        click.Option(["--debug"], is_flag=True, expose_value=False, help="Show the Python traceback of an error.")
    )
    return click.version_option(package_name="evidence-ledger", prog_name="custody")(root)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status; nothing is raised but what `--debug` asks for."""
    try:
        return _invoke(root_command(), arguments)
    except (KeyboardInterrupt, click.exceptions.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        click.echo(help_wanted.format_message(), err=True)
    except click.UsageError as error:
        _report_usage(error)
    except BrokenPipeError:
        # The reader of our output went away (`custody ... | head`). Point stdout at nothing, so that the
        # interpreter's last flush does not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if "--debug" in arguments:
            raise
        _report(*explain(error))
    return COULD_NOT


def _invoke(root: click.Group, arguments: Sequence[str]) -> int:
    # Not `root.main()`: that turns a broken pipe into exit status 1, which here means findings.
    try:
        with root.make_context("custody", list(arguments)) as context:
            status = root.invoke(context)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    # A command returns nothing, or its exit status.
    return status if isinstance(status, int) else 0


def main() -> None:
    """Run the `custody` console script."""
    # Else gRPC's C code writes lines of its own to stderr, beside the error that we report for the same reason.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    sys.exit(run(sys.argv[1:]))


def _report_usage(error: click.UsageError) -> None:
    if error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
    _report(error.format_message(), "usage")
    if error.ctx is not None:
        click.echo(f"hint: {error.ctx.command_path} --help", err=True)


def _report(message: str, code: str) -> None:
    # A message may repeat names out of a stranger's file or from a server: they must not move the cursor or hide others.
    shown = "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in message)
    click.echo(f"error: {shown} [{code}]", err=True)
    hint = hint_for(code)
    if hint is not None:
        click.echo(f"hint: {hint}", err=True)
