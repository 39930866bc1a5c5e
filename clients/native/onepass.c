#include "onepass.h"

#include <stdlib.h>
#include <string.h>

#include "samples.h"
#include "transport.h"

struct onepass {
    struct lanes lanes;
    struct units units;
    int declined, is_transport;
    uint64_t position;
    struct samples samples;
    struct transport transport;
};

int onepass_version(void) { return 1; }

int onepass_available(void) { return sha256_available(); }

static struct onepass *new_pass(const struct onepass_codec *codec)
{
    struct onepass *pass = aligned_alloc(_Alignof(struct onepass), sizeof *pass);
    if (pass == NULL)
        return NULL;
    memset(pass, 0, sizeof *pass);
    lanes_init(&pass->lanes);
    pass->units.lanes = &pass->lanes;
    memcpy(pass->units.classes, codec->classes, sizeof pass->units.classes);
    pass->units.header_bytes = codec->header_bytes;
    pass->units.at_most = (size_t)codec->units_at_most;
    return pass;
}

struct onepass *onepass_samples(const struct onepass_codec *codec, const uint64_t *runs, size_t run_count,
                                const uint32_t *sizes, size_t sample_count, uint32_t length_bytes)
{
    struct onepass *pass = new_pass(codec);
    if (pass == NULL)
        return NULL;
    struct samples *samples = &pass->samples;
    samples->runs = calloc(run_count + 1, sizeof *samples->runs);
    samples->sizes = calloc(sample_count + 1, sizeof *samples->sizes);
    if (samples->runs == NULL || samples->sizes == NULL) {
        onepass_free(pass);
        return NULL;
    }
    for (size_t at = 0; at < run_count; at++)
        samples->runs[at] = (struct run){.offset = runs[2 * at], .samples = runs[2 * at + 1]};
    if (sample_count > 0)
        memcpy(samples->sizes, sizes, sample_count * sizeof *sizes);
    samples->run_count = run_count;
    samples->sample_count = sample_count;
    samples->length_bytes = length_bytes;
    return pass;
}

struct onepass *onepass_transport(const struct onepass_codec *codec, const struct onepass_program *program)
{
    struct onepass *pass = new_pass(codec);
    if (pass == NULL)
        return NULL;
    struct transport *transport = &pass->transport;
    transport->stream = calloc(1, LEAD_BYTES + FEED_BYTES);
    if (transport->stream == NULL) {
        onepass_free(pass);
        return NULL;
    }
    transport->stream_bytes = LEAD_BYTES;
    transport->pid = program->pid;
    transport->pmt_pid = program->pmt_pid;
    memcpy(transport->pat, program->pat, sizeof transport->pat);
    memcpy(transport->pmt, program->pmt, sizeof transport->pmt);
    transport->skip = program->skip_packets;
    transport->at_most = program->packet_bytes_at_most;
    pass->is_transport = 1;
    return pass;
}

static int feed_units(struct onepass *pass, const uint8_t *piece, size_t bytes)
{
    if (pass->is_transport)
        return transport_feed(&pass->transport, &pass->units, piece, bytes);
    return samples_feed(&pass->samples, &pass->units, piece, bytes, pass->position);
}

void onepass_feed(struct onepass *pass, const uint8_t *data, size_t bytes)
{
    while (bytes > 0) {
        /* A transport stream is taken apart into memory of its own; of samples the whole piece keeps both lanes busy longest. */
        size_t some = pass->is_transport && bytes > FEED_BYTES ? FEED_BYTES : bytes;
        lanes_begin(&pass->lanes, data, some);
        if (!pass->declined)
            pass->declined = feed_units(pass, data, some);
        lanes_end(&pass->lanes);
        pass->position += some;
        data += some;
        bytes -= some;
    }
}

void onepass_finish(struct onepass *pass, struct onepass_result *result)
{
    struct units *units = &pass->units;
    memset(result, 0, sizeof *result);
    if (!pass->declined)
        pass->declined =
            pass->is_transport ? transport_finish(&pass->transport, units) : samples_finish(&pass->samples);
    if (!pass->declined && (units->count == 0 || !units_root(units, result->media_root)))
        pass->declined = DECLINED;
    lanes_file(&pass->lanes, result->sha256);
    result->declined = (uint32_t)pass->declined;
    result->digests = units->digests;
    result->units = units->count;
    result->keys = units->keys;
    result->key_count = units->key_count;
    result->pictures = units->pictures;
    result->ticks = pass->transport.ticks;
    result->steps = pass->transport.steps;
}

void onepass_free(struct onepass *pass)
{
    if (pass == NULL)
        return;
    units_free(&pass->units);
    samples_free(&pass->samples);
    transport_free(&pass->transport);
    free(pass);
}
