"""What the metrics tell of witnesses."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

ANSWERS: Final = Counter(
    "custody_witness_answers_total", "Answers of a witness by outcome: cosigned, or the code of its failure.",
    ["log", "witness", "outcome"],
)  # fmt: skip
HELD: Final = Gauge("custody_witness_held_size", "Tree size that a witness said it holds.", ["log", "witness"])
QUORUM: Final = Gauge(
    "custody_witness_quorum", "1 when the last offered checkpoint was cosigned by the quorum, else 0.", ["log"]
)
WITHOUT: Final = Counter(
    "custody_checkpoints_published_without_quorum_total",
    "Checkpoints published though the quorum was missing.",
    ["log"],
)
AHEAD: Final = Gauge(
    "custody_witness_ahead", "1 when a witness holds more than this ledger has: it was rolled back, or forked.",
    ["log", "witness"],
)  # fmt: skip
SECONDS: Final = Histogram(
    "custody_witness_seconds", "From offering a checkpoint until the quorum had cosigned, or was given up.", ["log"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)  # fmt: skip
