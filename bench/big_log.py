"""Makes a large log in a SQLite file quickly: through the ledger's own stamper and store, without server and signer.

The records are segments of several cameras, in batches of 256 with a checkpoint each, as recorders send them.
"""



ORIGIN = "bench.example/log"
BATCH = 256
