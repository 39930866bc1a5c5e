"""Runs benchmarks: `python bench/run.py [NAME]`; without a name every short one.

A benchmark is a module beside this one with `NAME`, `LONG` (left out unless named) and `run() -> list[Figure]`. Each
writes `bench/out/NAME.json`, a list of objects {figure, value, unit, aim, limit, ratio}, and a table to stdout.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def benchmarks() -> dict[str, Any]:
    """All modules of this folder that are benchmarks, by NAME."""
    sys.path.insert(0, str(HERE.parent))
    found = {}
    for path in sorted(HERE.glob("*.py")):
        if path.stem not in ("run", "figures"):
            module = importlib.import_module(f"bench.{path.stem}")
            if hasattr(module, "NAME"):
                found[module.NAME] = module
    return found


def show(value: float | None) -> str:
    """A number for the table."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def main(arguments: list[str]) -> int:
    """Runs what was asked for; exit status 2 for an unknown name."""
    known = benchmarks()
    names = arguments or [name for name, module in known.items() if not module.LONG]
    if unknown := [name for name in names if name not in known]:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    (HERE / "out").mkdir(exist_ok=True)
    for name in names:
        print(f"== {name}", flush=True)
        figures = known[name].run()
        (HERE / "out" / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n")
        for one in figures:
            print(
                f"  {one['figure']:<44} {show(one['value']):>12} {one['unit']:<12}"
                f" aim {show(one['aim']):>9}  limit {show(one['limit']):>9}  ratio {show(one['ratio']):>6}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
