/* What Python calls (custody/recorder/onepass/library.py): a file's SHA-256, and the digests of its pictures beside it.
 *
 * A pass is told where the pictures are, then fed the whole file in order. It declines whatever is not as it should be:
 * `onepass_feed` goes on hashing the file, and the pictures are left to the reference in custody/core/media. So this code
 * names no error and decides no case; it must only never accept what the reference would not, or read it otherwise.
 * One owner at a time; nothing is shared between passes. */
#ifndef CUSTODY_ONEPASS_H
#define CUSTODY_ONEPASS_H

#include <stddef.h>
#include <stdint.h>

#define PUBLIC __attribute__((visibility("default")))

struct onepass;

/* Grows with every change of what follows, so that a library of another version is not used. */
PUBLIC int onepass_version(void);
PUBLIC int onepass_available(void);

/* How NAL units of the codec are told apart, as in custody/core/media/units.py, and how many a file may have. */
struct onepass_codec {
    const uint8_t *classes; /* 256 */
    uint32_t header_bytes;
    uint64_t units_at_most;
};

/* NULL when there is no memory. `runs` are pairs of an offset and a number of samples. All is copied. */
PUBLIC struct onepass *onepass_samples(const struct onepass_codec *codec, const uint64_t *runs, size_t run_count,
                                       const uint32_t *sizes, size_t sample_count, uint32_t length_bytes);

struct onepass_program {
    uint32_t pid, pmt_pid;
    const uint8_t *pat, *pmt; /* 184 bytes each: the packets of the tables without their headers */
    uint64_t skip_packets;
    uint64_t packet_bytes_at_most;
};
PUBLIC struct onepass *onepass_transport(const struct onepass_codec *codec, const struct onepass_program *program);

PUBLIC void onepass_feed(struct onepass *pass, const uint8_t *data, size_t bytes);

struct onepass_result {
    uint8_t sha256[32];
    uint8_t media_root[32];
    uint32_t declined; /* then only sha256 is filled in */
    const uint8_t *digests; /* 32 bytes each; they and the keys live as long as the pass */
    uint64_t units;
    const uint32_t *keys;
    uint64_t key_count;
    uint64_t pictures;
    uint64_t ticks, steps; /* transport streams only */
};
/* The file is at its end. To be called once. */
PUBLIC void onepass_finish(struct onepass *pass, struct onepass_result *result);
PUBLIC void onepass_free(struct onepass *pass);

#endif
