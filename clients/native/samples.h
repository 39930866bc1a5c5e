/* The units of an mp4 file, ordinary or fragmented: NAL units behind their lengths, in samples at known places
 * (ISO/IEC 14496-15 section 5.3.2). The places come from the index, which custody/core/media reads. */
#ifndef CUSTODY_SAMPLES_H
#define CUSTODY_SAMPLES_H

#include "units.h"

/* Samples that lie one behind the other in the file. */
struct run {
    uint64_t offset;
    uint64_t samples;
};

struct samples {
    struct run *runs; /* own */
    uint32_t *sizes; /* own; of all samples in order */
    size_t run_count, sample_count;
    unsigned length_bytes; /* 1, 2 or 4 */

    size_t run, sample; /* the next ones */
    uint64_t left_in_run; /* samples */
    uint64_t position; /* in the file: where the next byte of interest is */
    uint64_t left_in_sample, left_in_unit;
    unsigned length_have;
    uint32_t length;
};

void samples_free(struct samples *samples);

/* Takes what of `piece`, which begins at `base` in the file, belongs to samples. Pieces come in order. */
int samples_feed(struct samples *samples, struct units *units, const uint8_t *piece, size_t bytes, uint64_t base);

/* The file is at its end. */
int samples_finish(const struct samples *samples);

#endif
