"""The law: custody state replayed from entries, and rule profiles evaluated on it into findings.

Pure like `custody.core`; the texts and limits of the law are data in profile files, never constants.

    library = load_library()                                  # the shipped profiles
    state = CustodyState(library)                             # then, for every entry in the order of the log:
    state.apply(index, entry, record)
    for finding in findings(state, at_us, observation): ...
    preview(state, record, at_us)                             # what one more record would cause
    restore(library, save(state))                             # go on tomorrow
"""

from custody.rules.audit import Scope, findings
from custody.rules.finding import Finding, LogVerdict, Penalty, Severity, Subject, Verdict
from custody.rules.footage import SegmentColumns
from custody.rules.library import load_library
from custody.rules.observation import Observation, Status
from custody.rules.preview import Preview, preview
from custody.rules.profile import Library, Profile, parse_profile
from custody.rules.rule import Rule
from custody.rules.save import restore, save
from custody.rules.segments import SegmentRun, segment_verdicts
from custody.rules.state import CustodyState
from custody.rules.timeline import Stretch, StretchKind, timeline

__all__ = [
    "CustodyState",
    "Finding",
    "Library",
    "LogVerdict",
    "Observation",
    "Penalty",
    "Preview",
    "Profile",
    "Rule",
    "Scope",
    "SegmentColumns",
    "SegmentRun",
    "Severity",
    "Status",
    "Stretch",
    "StretchKind",
    "Subject",
    "Verdict",
    "findings",
    "load_library",
    "parse_profile",
    "preview",
    "restore",
    "save",
    "segment_verdicts",
    "timeline",
]
