#include "units.h"

#include <stdlib.h>
#include <string.h>

void units_free(struct units *units)
{
    free(units->digests);
    free(units->keys);
    units->digests = NULL;
    units->keys = NULL;
}

static void hash(struct units *units, const uint8_t *data, size_t bytes)
{
    for (size_t at = 0; at < bytes && units->bytes + at < sizeof units->head; at++)
        units->head[units->bytes + at] = data[at];
    units->bytes += bytes;
    lanes_unit(units->lanes, data, bytes);
}

static void hash_zeros(struct units *units)
{
    static const uint8_t ZEROS[SHA256_BLOCK_BYTES];
    while (units->zeros > 0) {
        size_t some = units->zeros < sizeof ZEROS ? (size_t)units->zeros : sizeof ZEROS;
        hash(units, ZEROS, some);
        units->zeros -= some;
    }
}

int units_bytes(struct units *units, const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return GOES_ON;
    if (!units->begun) {
        units->begun = 1;
        units->class = units->classes[data[0]];
        units->bytes = units->zeros = 0;
        if (units->class == UNIT_BROKEN)
            return DECLINED;
        lanes_unit_begin(units->lanes);
    }
    if (units->class == UNIT_OTHER)
        return GOES_ON;
    size_t end = bytes;
    while (end > 0 && data[end - 1] == 0)
        end--;
    if (end > 0) {
        hash_zeros(units);
        hash(units, data, end);
    }
    units->zeros += bytes - end;
    return GOES_ON;
}

/* Room for one more of `size` bytes each; 0 when there is no memory. */
static int grow(void **memory, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return 1;
    size_t wanted = *room ? 2 * *room : 256;
    void *more = realloc(*memory, wanted * size);
    if (more == NULL)
        return 0;
    *memory = more;
    *room = wanted;
    return 1;
}

int units_end(struct units *units)
{
    if (!units->begun)
        return GOES_ON;
    units->begun = 0;
    if (units->class == UNIT_OTHER)
        return GOES_ON;
    if (units->bytes <= units->header_bytes || units->count >= units->at_most)
        return DECLINED;
    if (!grow((void **)&units->digests, &units->room, units->count, SHA256_BYTES))
        return DECLINED;
    /* first_mb_in_slice = 0, or first_slice_segment_in_pic_flag: the first slice of a picture */
    if (units->head[units->header_bytes] & 0x80) {
        units->pictures++;
        if (units->class == UNIT_KEY) {
            if (!grow((void **)&units->keys, &units->key_room, units->key_count, sizeof *units->keys))
                return DECLINED;
            units->keys[units->key_count++] = (uint32_t)units->count;
        }
    }
    lanes_unit_end(units->lanes, units->digests + units->count * SHA256_BYTES);
    units->count++;
    return GOES_ON;
}

/* A message of one prefix byte and 32 or 64 bytes behind it, padded: only those bytes change from one to the next. */
struct short_message {
    uint8_t blocks[3 * SHA256_BLOCK_BYTES]; /* the last is only what sha256_pad may use */
    size_t count;
};

static void begin_short(struct short_message *message, uint8_t prefix, size_t size)
{
    static const uint8_t FILLED_LATER[SHA256_BLOCK_BYTES];
    size_t whole = (1 + size) / SHA256_BLOCK_BYTES; /* of 65 bytes one stands in the second block */
    message->count = whole + sha256_pad(message->blocks + whole * SHA256_BLOCK_BYTES, FILLED_LATER, 1 + size);
    message->blocks[0] = prefix;
}

/* `count` hashes of `prefix` and `size` bytes each, two at a time, from `from` to `to`, which may be the same place. */
static void hash_level(uint8_t prefix, const uint8_t *from, size_t size, size_t count, uint8_t *to)
{
    struct short_message one, two;
    uint8_t unused[SHA256_BYTES];
    begin_short(&one, prefix, size);
    begin_short(&two, prefix, size);
    for (size_t at = 0; at < count; at += 2) {
        int pair = at + 1 < count;
        struct sha256 state, state_two;
        memcpy(one.blocks + 1, from + at * size, size);
        memcpy(two.blocks + 1, from + (at + (pair ? 1 : 0)) * size, size);
        sha256_init(&state);
        sha256_init(&state_two);
        sha256_blocks_two(&state, one.blocks, &state_two, two.blocks, one.count);
        sha256_put(&state, to + at * SHA256_BYTES);
        sha256_put(&state_two, pair ? to + (at + 1) * SHA256_BYTES : unused);
    }
}

int units_root(const struct units *units, uint8_t root[SHA256_BYTES])
{
    size_t count = units->count;
    uint8_t *level = malloc(count * SHA256_BYTES);
    if (level == NULL)
        return 0;
    hash_level(0x00, units->digests, SHA256_BYTES, count, level);
    while (count > 1) {
        size_t pairs = count / 2;
        hash_level(0x01, level, 2 * SHA256_BYTES, pairs, level);
        if (count % 2 != 0) /* alone on its level: it goes up as it is */
            memmove(level + pairs * SHA256_BYTES, level + (count - 1) * SHA256_BYTES, SHA256_BYTES);
        count -= pairs;
    }
    memcpy(root, level, SHA256_BYTES);
    free(level);
    return 1;
}
