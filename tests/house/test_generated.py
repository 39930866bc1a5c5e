import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def generated(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.glob("custody/**/*_pb2*.py*"))
        if path.suffix in {".py", ".pyi"}
    }


def test_committed_modules_are_what_the_schemas_generate(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "proto" / "generate", "--out", tmp_path], check=True, capture_output=True)
    fresh, committed = generated(tmp_path), generated(ROOT / "proto")
    assert sorted(fresh) == sorted(committed)
    stale = [name for name, content in fresh.items() if committed[name] != content]
    assert not stale, "run `make proto`"
