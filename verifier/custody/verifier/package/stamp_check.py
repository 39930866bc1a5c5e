"""Check 13: time-stamp tokens over the checkpoint and over the manifest."""

from typing import Final

from cryptography.x509 import Certificate

from custody.core.errors import CustodyError
from custody.core.timestamp import MAX_TOKEN_BYTES, read_token
from custody.verifier.package import layout
from custody.verifier.package.container import Container
from custody.verifier.package.report import STAMPED, PackageReport

_OVER: Final = {"data/timestamps/checkpoint-": layout.CHECKPOINT, "timestamps/manifest-": layout.MANIFEST}


def check_stamps(report: PackageReport, container: Container, roots: list[Certificate]) -> None:
    """Each token is over its file; its signature is checked where roots are given."""
    told: list[str] = []
    names = [*container.below(layout.STAMPS), *container.below("timestamps/")]
    for name in names:
        over = next((file for prefix, file in _OVER.items() if name.startswith(prefix)), "")
        try:
            token = read_token(container.read(name, MAX_TOKEN_BYTES))
            data = container.read(over)
            if roots:
                token.verify(data, roots)
            else:
                token.check_data(data)
            told.append(f"{name} {token.at.isoformat()}")
        except CustodyError as error:
            report.caught(STAMPED, error, path=name)
    report.stamps = tuple(told)
    if not names:
        report.unchecked[STAMPED] = "the package has no time stamp"
    elif not roots:
        report.unchecked[STAMPED] = "no root of a time-stamping authority was given: --tsa-root"
    report.done.add(STAMPED)
