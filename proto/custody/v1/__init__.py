"""The forms: protobuf messages of `custody.v1`, generated from the `.proto` files beside this module.

The schemas are the source; the `*_pb2*` modules are written by `make proto`, committed, and compared
with a fresh generation by a test. Nothing is written by hand here.
"""
