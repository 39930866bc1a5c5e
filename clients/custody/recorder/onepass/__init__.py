"""A file's SHA-256 and the digests of its pictures in one pass, where the processor can hash two messages at once.

The one compiled part of the house (clients/native), and a part that can be missing: then, and wherever a file is out of
the ordinary, the reference in `custody.core.media` reads it, to the same result (docs/adr/0009). Only the recorder agent
uses it. Whoever checks evidence runs no compiled code of ours.
"""
