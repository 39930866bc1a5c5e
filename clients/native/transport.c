#include "transport.h"

#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { MAX_STEP = 10 * 90000 };

void transport_free(struct transport *transport)
{
    free(transport->stream);
    transport->stream = NULL;
}

static uint64_t read_time(const uint8_t *b)
{
    return (uint64_t)(b[0] >> 1 & 7) << 30 | (uint64_t)b[1] << 22 | (uint64_t)(b[2] >> 1) << 15 | (uint64_t)b[3] << 7 |
           (uint64_t)b[4] >> 1;
}

static void take_time(struct transport *transport, uint64_t time)
{
    if (transport->timed) {
        uint64_t step = (time - transport->last) & ((UINT64_C(1) << 33) - 1);
        if (step > 0 && step <= MAX_STEP) {
            transport->ticks += step;
            transport->steps++;
        }
    }
    transport->timed = 1;
    transport->last = time;
}

/* The PES packet under way is complete. */
static int end_packet(struct transport *transport)
{
    return transport->declared && transport->declared + 6 != transport->packet_bytes ? DECLINED : GOES_ON;
}

/* A PES packet (section 2.4.3.6): its header must be in its first packet whole. How long it is, or 0 to decline. */
static size_t begin_packet(struct transport *transport, const uint8_t *payload, size_t bytes)
{
    if (bytes < 9 || payload[0] || payload[1] || payload[2] != 1 || payload[6] >> 6 != 2)
        return 0;
    size_t body = 9 + (size_t)payload[8];
    if (body > bytes)
        return 0;
    if (payload[7] & 0x80) {
        size_t at = payload[7] & 0x40 ? 14 : 9;
        if (at + 5 > body)
            return 0;
        take_time(transport, read_time(payload + at));
    }
    const uint8_t *first = payload + body;
    const uint8_t *end = transport->stream + transport->stream_bytes; /* LEAD_BYTES are always there */
    if (transport->begun) {
        /* A unit of which nothing is there yet but its start code: the reference treats that in its own way. */
        if (!end[-3] && !end[-2] && end[-1] == 1)
            return 0;
    } else {
        /* The stream must begin with a start code, so that whatever follows is in some unit. */
        int three = bytes - body >= 3 && !first[0] && !first[1] && first[2] == 1;
        int four = bytes - body >= 4 && !first[0] && !first[1] && !first[2] && first[3] == 1;
        if (!three && !four)
            return 0;
    }
    transport->begun = 1;
    transport->declared = (uint64_t)payload[4] << 8 | payload[5];
    transport->packet_bytes = 0;
    return body;
}

static int take_video(struct transport *transport, const uint8_t *packet)
{
    if (packet[3] & 0xC0) /* scrambled */
        return DECLINED;
    if (!(packet[3] & 0x10)) /* no payload: the counter stands still */
        return GOES_ON;
    size_t start = packet[3] & 0x20 ? 5 + (size_t)packet[4] : 4;
    if (start > PACKET_BYTES)
        return DECLINED;
    const uint8_t *payload = packet + start;
    size_t bytes = PACKET_BYTES - start, header = 0;
    unsigned counter = packet[3] & 15;
    if (packet[1] & 0x40) {
        if (transport->begun && end_packet(transport) == DECLINED)
            return DECLINED;
        header = begin_packet(transport, payload, bytes);
        if (header == 0)
            return DECLINED;
    } else if (!transport->begun || counter != ((transport->counter + 1) & 15)) {
        return DECLINED;
    }
    transport->counter = counter;
    transport->packet_bytes += bytes;
    if (transport->packet_bytes > transport->at_most)
        return DECLINED;
    uint8_t *to = transport->stream + transport->stream_bytes;
    if (bytes - header == PACKET_BYTES - 4) /* nearly always, and a length that is known beforehand is copied faster */
        memcpy(to, payload, PACKET_BYTES - 4);
    else
        memcpy(to, payload + header, bytes - header);
    transport->stream_bytes += bytes - header;
    return GOES_ON;
}

static int take_packet(struct transport *transport, const uint8_t *packet)
{
    if (packet[1] & 0x80) /* damaged in transmission */
        return DECLINED;
    unsigned pid = ((unsigned)packet[1] << 8 | packet[2]) & 0x1FFF;
    if (pid == transport->pid)
        return take_video(transport, packet);
    if (pid == 0 && packet[1] & 0x40)
        return memcmp(packet + 4, transport->pat, sizeof transport->pat) ? DECLINED : GOES_ON;
    if (pid == transport->pmt_pid && packet[1] & 0x40)
        return memcmp(packet + 4, transport->pmt, sizeof transport->pmt) ? DECLINED : GOES_ON;
    return GOES_ON;
}

/* Where in [at, end) the next 00 00 01 begins; `end` when there is none. */
static const uint8_t *find_plainly(const uint8_t *at, const uint8_t *end)
{
    for (; end - at >= 3; at++)
        if (!at[0] && !at[1] && at[2] == 1)
            return at;
    return end;
}

#if defined(__x86_64__)
/* Two zeros in a row are rare in coded pictures, so nearly all of it is looked at 64 bytes a step. */
__attribute__((target("avx2"))) static const uint8_t *find_by_avx2(const uint8_t *at, const uint8_t *end)
{
    const __m256i zero = _mm256_setzero_si256();
    for (; end - at >= 66; at += 64) {
        __m256i one = _mm256_or_si256(_mm256_loadu_si256((const __m256i *)(const void *)at),
                                      _mm256_loadu_si256((const __m256i *)(const void *)(at + 1)));
        __m256i two = _mm256_or_si256(_mm256_loadu_si256((const __m256i *)(const void *)(at + 32)),
                                      _mm256_loadu_si256((const __m256i *)(const void *)(at + 33)));
        if (_mm256_testz_si256(_mm256_cmpeq_epi8(_mm256_min_epu8(one, two), zero), _mm256_set1_epi8(-1)))
            continue;
        const uint8_t *found = find_plainly(at, at + 66);
        if (found != at + 66)
            return found;
    }
    return find_plainly(at, end);
}
#endif

static const uint8_t *find_start_code(const uint8_t *at, const uint8_t *end)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return find_by_avx2(at, end);
#endif
    return find_plainly(at, end);
}

/* How many zeros, two at most, end the stream, of which [at, end) is what follows the last start code or the last call. */
static unsigned ending_zeros(unsigned before, const uint8_t *at, const uint8_t *end)
{
    unsigned zeros = 0;
    while (zeros < 2 && end > at && end[-1] == 0) {
        zeros++;
        end--;
    }
    if (end == at && zeros + before > zeros) /* all of it: those before count on */
        zeros = zeros + before < 2 ? zeros + before : 2;
    return zeros;
}

/* Splits what was gathered into NAL units (Annex B of H.264 and H.265). */
static int split(struct transport *transport, struct units *units)
{
    const uint8_t *at = transport->stream + LEAD_BYTES, *end = transport->stream + transport->stream_bytes;
    const uint8_t *code = at;
    /* A start code whose zeros have come before. */
    if (transport->zeros >= 2 && end - at >= 1 && at[0] == 1)
        code = at + 1;
    else if (transport->zeros >= 1 && end - at >= 2 && !at[0] && at[1] == 1)
        code = at + 2;
    if (code != at) {
        if (units_end(units) == DECLINED)
            return DECLINED;
        at = code;
        transport->zeros = 0;
    }
    for (;;) {
        code = find_start_code(at, end);
        if (transport->inside && units_bytes(units, at, (size_t)(code - at)) == DECLINED)
            return DECLINED;
        if (code == end)
            break;
        transport->inside = 1;
        if (units_end(units) == DECLINED)
            return DECLINED;
        at = code + 3;
        transport->zeros = 0;
    }
    transport->zeros = ending_zeros(transport->zeros, at, end);
    memmove(transport->stream, end - LEAD_BYTES, LEAD_BYTES);
    transport->stream_bytes = LEAD_BYTES;
    return GOES_ON;
}

int transport_feed(struct transport *transport, struct units *units, const uint8_t *piece, size_t bytes)
{
    if (bytes % PACKET_BYTES != 0)
        return DECLINED;
    for (size_t at = 0; at < bytes; at += PACKET_BYTES) {
        if (piece[at] != 'G')
            return DECLINED;
        if (transport->skip > 0)
            transport->skip--;
        else if (take_packet(transport, piece + at) == DECLINED)
            return DECLINED;
    }
    return split(transport, units);
}

int transport_finish(struct transport *transport, struct units *units)
{
    if (!transport->begun || end_packet(transport) == DECLINED)
        return DECLINED;
    return units_end(units);
}
