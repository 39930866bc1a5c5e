/* Two messages hashed side by side: the whole file, and one coded picture after the other.
 *
 * A piece of the file is laid out with `lanes_begin`. Each block of a picture that comes then takes a block of the
 * file along with it; `lanes_end` hashes what is left of the piece. So the file need not be in memory as a whole. */
#ifndef CUSTODY_LANES_H
#define CUSTODY_LANES_H

#include "sha256.h"

struct message {
    struct sha256 state;
    uint64_t bytes; /* so far */
    uint8_t rest[SHA256_BLOCK_BYTES]; /* the last `bytes` % 64, which do not fill a block yet */
};

struct lanes {
    struct message file, unit;
    const uint8_t *ahead; /* blocks of the file's piece that are not hashed yet */
    size_t blocks;
    const uint8_t *tail; /* behind them, less than a block */
    size_t tail_bytes;
};

void lanes_init(struct lanes *lanes);

/* `piece` must stay where it is until `lanes_end`. */
void lanes_begin(struct lanes *lanes, const uint8_t *piece, size_t bytes);
void lanes_end(struct lanes *lanes);
/* Digest of all pieces, once. */
void lanes_file(struct lanes *lanes, uint8_t digest[SHA256_BYTES]);

void lanes_unit_begin(struct lanes *lanes);
void lanes_unit(struct lanes *lanes, const uint8_t *data, size_t bytes);
void lanes_unit_end(struct lanes *lanes, uint8_t digest[SHA256_BYTES]);

#endif
