"""Builds the compiled part of the recorder agent; hatchling runs it for every wheel and editable install.

It is an accelerator (custody.recorder.onepass): where there is no C compiler, or another kind of machine, the build says so
and goes on without it.
"""

import os
import platform
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = Path(__file__).resolve().parent
TARGET = SOURCES.parent / "custody" / "recorder" / "onepass" / "onepass.so"

WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Wshadow")
FLAGS = (
    "-std=c11",
    "-O2",
    "-fPIC",
    "-shared",
    "-fvisibility=hidden",
    "-fstack-protector-strong",
    "-D_FORTIFY_SOURCE=2",
)


def compiler() -> str | None:
    """The C compiler, or None: $CC, else `cc`."""
    return shutil.which(os.environ.get("CC") or "cc")


def compile_library(target: Path, flags: Sequence[str] = FLAGS) -> None:
    """Compiles the library to `target`, which is replaced at once: a running agent keeps what it has loaded.

    Raises FileNotFoundError without a compiler, CalledProcessError when it fails.
    """
    program = compiler()
    if program is None:
        raise FileNotFoundError("no C compiler")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".build-") as folder:
        made = Path(folder) / target.name
        command = [program, *flags, *WARNINGS, "-o", str(made), *map(str, sorted(SOURCES.glob("*.[cS]")))]
        subprocess.run(command, check=True)
        made.replace(target)


class OnePassHook(BuildHookInterface[Any]):
    """What hatchling calls before it puts a wheel together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles, and gives the wheel the platform's tag; or leaves it pure."""
        if platform.system() != "Linux" or platform.machine() != "x86_64":
            return
        try:
            compile_library(TARGET)
        except (OSError, subprocess.CalledProcessError) as error:
            TARGET.unlink(missing_ok=True)  # of other sources, perhaps
            self.app.display_warning(f"Without the compiled part of the recorder agent, media roots cost more: {error}")
            return
        if version != "editable":
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
