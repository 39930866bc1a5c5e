"""What a witness's metrics tell: alarm on `witness-fork`, `witness-proof` and `witness-rollback`."""

from typing import Final

from prometheus_client import Counter

OFFERS: Final = Counter(
    "custody_witness_offers_total", "Offered checkpoints by log and outcome: cosigned, or the code of the refusal.",
    ["log", "outcome"],
)  # fmt: skip
