/* SHA-256 (FIPS 180-4) by the processor's own instructions, for one message or for two at once.
 *
 * One message leaves half of such a processor idle, for each step waits for the one before. A second, independent
 * message goes into the gaps: two cost about 1.1 times as much as one. hashlib cannot do that, it sees one at a time. */
#ifndef CUSTODY_SHA256_H
#define CUSTODY_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BLOCK_BYTES = 64, SHA256_BYTES = 32 };

/* State between blocks, in the order in which the instructions want it. */
struct sha256 {
    _Alignas(16) uint32_t words[8];
};

/* 1 when this processor has the instructions; nothing else here may be called where it has not. */
int sha256_available(void);

void sha256_init(struct sha256 *state);
void sha256_blocks(struct sha256 *state, const uint8_t *blocks, size_t count);
void sha256_blocks_two(struct sha256 *one, const uint8_t *blocks_of_one, struct sha256 *two,
                       const uint8_t *blocks_of_two, size_t count);
void sha256_put(const struct sha256 *state, uint8_t digest[SHA256_BYTES]);

/* Fills `end` with the last one or two blocks of a message of `bytes` whose last `bytes` % 64 are `rest`; their number. */
size_t sha256_pad(uint8_t end[2 * SHA256_BLOCK_BYTES], const uint8_t *rest, uint64_t bytes);

#endif
