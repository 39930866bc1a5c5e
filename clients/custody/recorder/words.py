"""The words in which hooks and people speak of what records have numbers for."""

from typing import Final

from custody.v1 import record_pb2

DISPOSALS: Final = {
    "planned": record_pb2.DISPOSAL_KIND_PLANNED,
    "manual": record_pb2.DISPOSAL_KIND_MANUAL,
    "lost": record_pb2.DISPOSAL_KIND_LOST,
    "ordered": record_pb2.DISPOSAL_KIND_ORDERED,
    "capacity": record_pb2.DISPOSAL_KIND_CAPACITY,
}
REASONS: Final = {
    name.removeprefix("GAP_REASON_").lower().replace("_", "-"): number
    for name, number in record_pb2.GapReason.items()
    if number
}
FAULTS: Final = {
    name.removeprefix("FAULT_KIND_").lower(): number for name, number in record_pb2.FaultKind.items() if number
}
STATES: Final = {
    name.removeprefix("FAULT_STATE_").lower(): number for name, number in record_pb2.FaultState.items() if number
}
