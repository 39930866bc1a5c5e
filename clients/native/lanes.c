#include "lanes.h"

#include <string.h>

static void begin(struct message *message)
{
    sha256_init(&message->state);
    message->bytes = 0;
}

void lanes_init(struct lanes *lanes)
{
    memset(lanes, 0, sizeof *lanes);
    begin(&lanes->file);
    begin(&lanes->unit);
}

/* Fills the block that was begun from the front of `data`; how many bytes that took. */
static size_t top_up(struct message *message, const uint8_t *data, size_t bytes)
{
    size_t have = (size_t)(message->bytes % SHA256_BLOCK_BYTES);
    size_t more = SHA256_BLOCK_BYTES - have;
    if (more > bytes)
        more = bytes;
    memcpy(message->rest + have, data, more);
    message->bytes += more;
    return more;
}

void lanes_begin(struct lanes *lanes, const uint8_t *piece, size_t bytes)
{
    struct message *file = &lanes->file;
    if (bytes > 0 && file->bytes % SHA256_BLOCK_BYTES != 0) {
        size_t used = top_up(file, piece, bytes);
        piece += used;
        bytes -= used;
        if (file->bytes % SHA256_BLOCK_BYTES == 0)
            sha256_blocks(&file->state, file->rest, 1);
    }
    lanes->ahead = piece;
    lanes->blocks = bytes / SHA256_BLOCK_BYTES;
    lanes->tail = piece + lanes->blocks * SHA256_BLOCK_BYTES;
    lanes->tail_bytes = bytes % SHA256_BLOCK_BYTES;
    file->bytes += bytes - lanes->tail_bytes;
}

void lanes_end(struct lanes *lanes)
{
    sha256_blocks(&lanes->file.state, lanes->ahead, lanes->blocks);
    lanes->blocks = 0;
    if (lanes->tail_bytes > 0)
        top_up(&lanes->file, lanes->tail, lanes->tail_bytes);
    lanes->tail_bytes = 0;
}

void lanes_file(struct lanes *lanes, uint8_t digest[SHA256_BYTES])
{
    uint8_t end[2 * SHA256_BLOCK_BYTES];
    size_t count = sha256_pad(end, lanes->file.rest, lanes->file.bytes);
    sha256_blocks(&lanes->file.state, end, count);
    sha256_put(&lanes->file.state, digest);
}

/* Blocks of the unit, each beside a block of the file while there are some. */
static void unit_blocks(struct lanes *lanes, const uint8_t *blocks, size_t count)
{
    size_t both = count < lanes->blocks ? count : lanes->blocks;
    if (both > 0) {
        sha256_blocks_two(&lanes->unit.state, blocks, &lanes->file.state, lanes->ahead, both);
        lanes->ahead += both * SHA256_BLOCK_BYTES;
        lanes->blocks -= both;
    }
    if (count > both)
        sha256_blocks(&lanes->unit.state, blocks + both * SHA256_BLOCK_BYTES, count - both);
}

void lanes_unit_begin(struct lanes *lanes) { begin(&lanes->unit); }

void lanes_unit(struct lanes *lanes, const uint8_t *data, size_t bytes)
{
    struct message *unit = &lanes->unit;
    if (bytes > 0 && unit->bytes % SHA256_BLOCK_BYTES != 0) {
        size_t used = top_up(unit, data, bytes);
        data += used;
        bytes -= used;
        if (unit->bytes % SHA256_BLOCK_BYTES == 0)
            unit_blocks(lanes, unit->rest, 1);
    }
    if (bytes == 0)
        return;
    size_t count = bytes / SHA256_BLOCK_BYTES;
    unit_blocks(lanes, data, count);
    unit->bytes += count * SHA256_BLOCK_BYTES;
    if (bytes % SHA256_BLOCK_BYTES != 0)
        top_up(unit, data + count * SHA256_BLOCK_BYTES, bytes % SHA256_BLOCK_BYTES);
}

void lanes_unit_end(struct lanes *lanes, uint8_t digest[SHA256_BYTES])
{
    uint8_t end[2 * SHA256_BLOCK_BYTES];
    size_t count = sha256_pad(end, lanes->unit.rest, lanes->unit.bytes);
    unit_blocks(lanes, end, count);
    sha256_put(&lanes->unit.state, digest);
}
