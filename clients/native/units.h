/* The coded-picture NAL units of a clip, hashed as their bytes come (docs/spec/media-root.md).
 *
 * The same as `Units` of custody/core/media/units.py, which is the reference: whatever it refuses, this declines, and
 * then the reference reads the file and says why. */
#ifndef CUSTODY_UNITS_H
#define CUSTODY_UNITS_H

#include "lanes.h"

/* Classes of a unit by its first byte, as in units.py. */
enum { UNIT_OTHER = 0, UNIT_SLICE = 1, UNIT_KEY = 2, UNIT_BROKEN = 3 };

enum { GOES_ON = 0, DECLINED = 1 };

struct units {
    struct lanes *lanes;
    uint8_t classes[256];
    unsigned header_bytes; /* 1 or 2 */
    size_t at_most; /* units in a file */

    uint8_t *digests; /* 32 bytes each */
    size_t count, room;
    uint32_t *keys; /* index of the first unit of every key picture */
    size_t key_count, key_room;
    uint64_t pictures;

    /* the unit under way */
    int begun, class;
    uint64_t bytes; /* that were hashed */
    uint64_t zeros; /* behind them; they belong to the unit only if something else follows */
    uint8_t head[3];
};

void units_free(struct units *units);

int units_bytes(struct units *units, const uint8_t *data, size_t bytes);
/* The unit under way, if there is one, is complete. */
int units_end(struct units *units);

/* RFC 6962 root over the digests of all units, of which there must be one at least; 0 when there is no memory. */
int units_root(const struct units *units, uint8_t root[SHA256_BYTES]);

#endif
