"""The plan of an unfinished export: for which request, on which heads snapshot. Written once, before anything is gathered."""

from pathlib import Path
from typing import Final

from custody.core.chain import Head
from custody.core.errors import MalformedError
from custody.export.errors import ExportError
from custody.export.gather import Snapshot
from custody.export.request import ExportRequest
from custody.verifier.package.layout import decode_json, encode_json

PLAN: Final = "plan.json"


def save_plan(path: Path, request: ExportRequest, snapshot: Snapshot) -> None:
    """Puts the plan in place in one step: a crash leaves none or a whole one."""
    heads = {chain: [head.seq, head.leaf.hex()] for chain, head in snapshot.heads.items()}
    plan = {"request": request.digest(), "index": snapshot.index, "at_us": snapshot.at_us, "heads": heads}
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(encode_json(plan))
    fresh.replace(path)


def load_plan(path: Path, request: ExportRequest) -> Snapshot | None:
    """The snapshot of an unfinished export; None when there is none.

    Raises ExportError ('export-other') when what lies there is another export's.
    """
    if not path.exists():
        return None
    try:
        plan = decode_json(path.read_bytes(), "export-other")
        if plan["request"] != request.digest():
            raise MalformedError("it is for another request", code="export-other")
        heads = {chain: Head(seq, bytes.fromhex(leaf)) for chain, (seq, leaf) in plan["heads"].items()}
        return Snapshot(index=plan["index"], at_us=plan["at_us"], heads=heads)
    except (MalformedError, KeyError, TypeError, ValueError) as error:
        raise ExportError(
            f"{path.parent} holds another unfinished export; finish it, or remove it", code="export-other"
        ) from error
