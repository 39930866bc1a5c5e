"""The recorder agent: every finished segment, every gap and every deletion of a recording system becomes a record.

`agent.Agent` is the one thread that decides and writes; `measure` hashes in a pool beside it; `watch`, `spool` and
`endpoint` only bring hints. Nothing depends on a hint: `reconcile` finds by itself what none told of.
"""
