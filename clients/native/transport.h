/* The units of an MPEG transport stream (ISO/IEC 13818-1 section 2.4.3), as custody/core/media/transport.py and
 * elementary.py read them. Where the stream is in any way out of the ordinary, this declines. */
#ifndef CUSTODY_TRANSPORT_H
#define CUSTODY_TRANSPORT_H

#include "units.h"

enum {
    PACKET_BYTES = 188,
    /* Taken apart at once: 20 times the fewest packets that are also whole SHA-256 blocks. With its payloads it fits
     * into the second-level cache; four times as much was a tenth slower. */
    FEED_BYTES = 60160,
    /* Bytes kept before the payloads at hand: a start code may begin there. */
    LEAD_BYTES = 3,
};

struct transport {
    /* what the tables say; they must come again just like this */
    unsigned pid, pmt_pid;
    uint8_t pat[PACKET_BYTES - 4], pmt[PACKET_BYTES - 4];
    uint64_t skip; /* packets at the front of the file, before the tables are known */
    uint64_t at_most; /* bytes of a PES packet */

    int begun; /* the first PES packet was seen */
    unsigned counter;
    uint64_t packet_bytes, declared; /* of the PES packet; declared 0: it does not say */
    int timed;
    uint64_t last, ticks, steps; /* as in elementary.py, at 90 kHz */

    uint8_t *stream; /* own: LEAD_BYTES, then payloads without PES headers */
    size_t stream_bytes;
    int inside; /* behind the first start code */
    unsigned zeros; /* that end the stream so far, behind the last start code; two at most */
};

void transport_free(struct transport *transport);

/* `piece` of at most FEED_BYTES. */
int transport_feed(struct transport *transport, struct units *units, const uint8_t *piece, size_t bytes);
int transport_finish(struct transport *transport, struct units *units);

#endif
