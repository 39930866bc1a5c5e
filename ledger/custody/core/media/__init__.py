"""Footage as coded pictures: reads containers as far as their NAL units, in decoding order (docs/spec/media-root.md).

`container.read_clip` is the one way in. Everything here is pure and hostile-proof: bytes come from a `read` function, every
offset and count is checked against the file before it is used, and nothing leaves but MalformedError ('media-...').
"""
