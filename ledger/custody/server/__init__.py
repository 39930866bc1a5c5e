"""The ledger server: admission, sequencing, storage, proofs and the gRPC API in front of them.

TLS 1.3 only: gRPC for Python has no switch for it, and reads its cipher suites from the environment when it is loaded. So
they are set here, before any module of the server imports it, to one suite of TLS 1.2 that no ECDSA certificate can serve;
TLS 1.3 has its own suites, which this does not touch. `tls` refuses certificates of any other kind.
"""

import os
from typing import Final

UNUSABLE_TLS12_SUITE: Final = "ECDHE-RSA-AES256-GCM-SHA384"

os.environ["GRPC_SSL_CIPHER_SUITES"] = UNUSABLE_TLS12_SUITE
