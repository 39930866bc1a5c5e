"""The table of sub-commands: where each lives, what it does in one line, and which extra it needs.

A command is imported only when it is called, so that `custody verify` never loads gRPC and a verifier-only
installation still lists everything. A command appears here once its module exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command: `target` is the dotted path of a click command, `module:attribute`."""

    target: str
    summary: str
    extra: str | None = None
    """The extra of the distribution that the module needs; None when the base is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Several commands under one word."""

    summary: str
    commands: Mapping[str, Command] = field(default_factory=dict)


COMMANDS: Mapping[str, Command | Group] = {
    "demo": Command(
        target="custody.demo.cli:demo", summary="Record, prove, falsify and catch, all on this machine.", extra="demo"
    ),
    "serve": Command(target="custody.server.cli:serve", summary="Run the ledger server.", extra="ledger"),
    "log": Group(
        summary="Create a log, or check whether it may be written.",
        commands={
            "create": Command(target="custody.server.cli:create", summary="Create an empty log.", extra="ledger"),
            "check": Command(
                target="custody.server.cli:check", summary="Check whether a log may be written.", extra="ledger"
            ),
        },
    ),
    "signer": Group(
        summary="Hold a log's key and sign only what extends what was signed before.",
        commands={
            "init": Command(
                target="custody.signer.commands:init", summary="Make a new key and its empty state.", extra="ledger"
            ),
            "add-key": Command(
                target="custody.signer.commands:add_key", summary="Make one more key beside the others.", extra="ledger"
            ),
            "retire-key": Command(
                target="custody.signer.commands:retire_key", summary="Let an old key sign no more.", extra="ledger"
            ),
            "serve": Command(
                target="custody.signer.commands:serve", summary="Sign on a Unix socket until stopped.", extra="ledger"
            ),
            "status": Command(
                target="custody.signer.commands:status", summary="Show what was signed last.", extra="ledger"
            ),
        },
    ),
    "ca": Group(
        summary="Say who is who: a small certificate authority.",
        commands={
            "init": Command(
                target="custody.enrol.commands:ca_init", summary="Make a certificate authority.", extra="client"
            ),
            "crl": Command(
                target="custody.enrol.commands:ca_crl", summary="Make the revocation list anew.", extra="client"
            ),
        },
    ),
    "enrol": Command(
        target="custody.enrol.commands:enrol", summary="Give a party a certificate and its scopes.", extra="client"
    ),
    "revoke": Command(
        target="custody.enrol.commands:revoke", summary="Believe a party's certificates no more.", extra="client"
    ),
    "keys": Group(
        summary="Register keys and scopes in a log.",
        commands={
            "tell": Command(
                target="custody.enrol.keys:tell", summary="Append registrations as administrator.", extra="client"
            ),
            "register": Command(
                target="custody.enrol.keys:register", summary="Register a foreign certificate's key.", extra="client"
            ),
            "revoke": Command(
                target="custody.enrol.keys:revoke_key", summary="Revoke a key in the log.", extra="client"
            ),
        },
    ),
    "witness": Group(
        summary="Cosign logs that only grow: the supervising authority's side, or a neighbour's.",
        commands={
            "init": Command(
                target="custody.witness.commands:init", summary="Make a witness's keys and memory.", extra="ledger"
            ),
            "add-log": Command(
                target="custody.witness.commands:add_log", summary="Begin to watch a log.", extra="ledger"
            ),
            "serve": Command(target="custody.witness.commands:serve", summary="Cosign until stopped.", extra="ledger"),
            "status": Command(
                target="custody.witness.commands:status", summary="Show what is held of every log.", extra="ledger"
            ),
        },
    ),
    "record": Group(
        summary="Stand beside a recorder and record every segment, gap and deletion.",
        commands={
            "run": Command(target="custody.recorder.commands:run", summary="Run the agent.", extra="recorder"),
            "check": Command(target="custody.recorder.commands:check", summary="Show every stream in one screen."),
            "hook": Command(target="custody.recorder.commands:hook", summary="Tell the agent one thing."),
            "presets": Command(target="custody.recorder.commands:presets", summary="List known recording systems."),
        },
    ),
    "desk": Command(
        target="custody.desk.commands:desk",
        summary="Keep the access register: who asked, who had access, what is held.",
        extra="client",
    ),
    "export": Command(
        target="custody.export.command:export", summary="Write an evidence package out of a ledger.", extra="client"
    ),
    "package": Group(
        summary="Sign an evidence package that is finished.",
        commands={
            "sign": Command(
                target="custody.export.package_sign:sign_package", summary="Add another signature.", extra="client"
            ),
        },
    ),
    "audit": Command(
        target="custody.verifier.custody_audit.command:audit",
        summary="Check a log, replay it, and say which rules its records break.",
    ),
    "mirror": Command(
        target="custody.verifier.mirror.command:mirror",
        summary="Copy a log into a folder that any web server can serve.",
    ),
    "monitor": Command(
        target="custody.verifier.monitor.command:monitor", summary="Follow a log and raise an alarm when it lies."
    ),
    "prove": Command(
        target="custody.verifier.proving.commands:prove_entry",
        summary="Write one entry with the proof that it is there.",
    ),
    "verify": Group(
        summary="Check logs, footage, packages and proofs offline, trusting nobody but whom you name with --trust.",
        commands={
            "proof": Command(
                target="custody.verifier.proving.commands:verify_proof", summary="Check one entry's proof, offline."
            ),
            "fork": Command(
                target="custody.verifier.proving.commands:verify_fork_file",
                summary="Check a proof that a log signed two histories.",
            ),
            "log": Command(target="custody.verifier.verify_log:verify_log", summary="Check a whole log."),
            "footage": Command(
                target="custody.verifier.verify_footage:verify_footage", summary="Check footage files against a log."
            ),
            "package": Command(target="custody.verifier.package.command:package", summary="Check an evidence package."),
            "stamps": Command(
                target="custody.verifier.verify_stamps:verify_stamps", summary="Check a ledger's time stamps, offline."
            ),
        },
    ),
}
