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

static void keep(struct message *message, const uint8_t *data, size_t bytes)
{
    memcpy(message->rest + message->bytes % SHA256_BLOCK_BYTES, data, bytes);
    message->bytes += bytes;
}

/* Fills the block that was begun, if one was, from the front of `data`; 1 when it is full now and wants to be hashed. */
static int complete(struct message *message, const uint8_t **data, size_t *bytes)
{
    size_t have = (size_t)(message->bytes % SHA256_BLOCK_BYTES);
    size_t more = SHA256_BLOCK_BYTES - have;
    if (have == 0 || *bytes == 0)
        return 0;
    if (more > *bytes)
        more = *bytes;
    keep(message, *data, more);
    *data += more;
    *bytes -= more;
    return message->bytes % SHA256_BLOCK_BYTES == 0;
}

void lanes_begin(struct lanes *lanes, const uint8_t *piece, size_t bytes)
{
    struct message *file = &lanes->file;
    if (complete(file, &piece, &bytes))
        sha256_blocks(&file->state, file->rest, 1);
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
        keep(&lanes->file, lanes->tail, lanes->tail_bytes);
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
    if (complete(unit, &data, &bytes))
        unit_blocks(lanes, unit->rest, 1);
    size_t tail = bytes % SHA256_BLOCK_BYTES;
    if (bytes == 0)
        return;
    unit_blocks(lanes, data, bytes / SHA256_BLOCK_BYTES);
    unit->bytes += bytes - tail;
    if (tail > 0)
        keep(unit, data + bytes - tail, tail);
}

void lanes_unit_end(struct lanes *lanes, uint8_t digest[SHA256_BYTES])
{
    uint8_t end[2 * SHA256_BLOCK_BYTES];
    size_t count = sha256_pad(end, lanes->unit.rest, lanes->unit.bytes);
    unit_blocks(lanes, end, count);
    sha256_put(&lanes->unit.state, digest);
}
