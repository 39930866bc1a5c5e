#include "samples.h"

#include <stdlib.h>

void samples_free(struct samples *samples)
{
    free(samples->runs);
    free(samples->sizes);
    samples->runs = NULL;
    samples->sizes = NULL;
}

/* Goes to the next sample that holds something; 0 when there is none, -1 when samples are not in the order of the file. */
static int next_sample(struct samples *samples)
{
    for (;;) {
        while (samples->left_in_run == 0) {
            if (samples->run == samples->run_count)
                return 0;
            const struct run *run = &samples->runs[samples->run++];
            if (run->samples > samples->sample_count - samples->sample)
                return -1;
            if (run->samples > 0 && run->offset < samples->position)
                return -1;
            samples->left_in_run = run->samples;
            if (run->samples > 0)
                samples->position = run->offset;
        }
        samples->left_in_run--;
        samples->left_in_sample = samples->sizes[samples->sample++];
        if (samples->left_in_sample > 0)
            return 1;
    }
}

int samples_feed(struct samples *samples, struct units *units, const uint8_t *piece, size_t bytes, uint64_t base)
{
    const uint64_t end = base + bytes;
    for (;;) {
        if (samples->left_in_sample == 0) {
            int found = next_sample(samples);
            if (found <= 0)
                return found < 0 ? DECLINED : GOES_ON;
        }
        if (samples->position < base) /* it began in a piece that is gone */
            return DECLINED;
        if (samples->position >= end)
            return GOES_ON;
        const uint8_t *at = piece + (samples->position - base);
        size_t there = (size_t)(end - samples->position);
        if (samples->left_in_unit == 0) {
            samples->length = samples->length << 8 | *at;
            samples->length_have++;
            samples->position++;
            samples->left_in_sample--;
            if (samples->length_have < samples->length_bytes) {
                if (samples->left_in_sample == 0) /* the sample ends inside a length */
                    return DECLINED;
                continue;
            }
            samples->left_in_unit = samples->length;
            samples->length = 0;
            samples->length_have = 0;
            if (samples->left_in_unit > samples->left_in_sample)
                return DECLINED;
            continue;
        }
        size_t some = samples->left_in_unit < there ? (size_t)samples->left_in_unit : there;
        if (units_bytes(units, at, some) == DECLINED)
            return DECLINED;
        samples->position += some;
        samples->left_in_sample -= some;
        samples->left_in_unit -= some;
        if (samples->left_in_unit == 0 && units_end(units) == DECLINED)
            return DECLINED;
    }
}

int samples_finish(const struct samples *samples)
{
    int all = samples->run == samples->run_count && samples->left_in_run == 0 && samples->left_in_sample == 0;
    return all ? GOES_ON : DECLINED;
}
