#include "sha256.h"

#include <string.h>

size_t sha256_pad(uint8_t end[2 * SHA256_BLOCK_BYTES], const uint8_t *rest, uint64_t bytes)
{
    size_t have = (size_t)(bytes % SHA256_BLOCK_BYTES);
    size_t count = have < SHA256_BLOCK_BYTES - 8 ? 1 : 2;
    size_t length_at = count * SHA256_BLOCK_BYTES - 8;
    uint64_t bits = bytes << 3;
    if (have > 0)
        memcpy(end, rest, have);
    end[have] = 0x80;
    memset(end + have + 1, 0, length_at - have - 1);
    for (int at = 0; at < 8; at++)
        end[length_at + (size_t)at] = (uint8_t)(bits >> (56 - 8 * at));
    return count;
}

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

/* sha256_two.S */
void sha256_blocks_two_avx(struct sha256 *one, const uint8_t *blocks_of_one, struct sha256 *two,
                           const uint8_t *blocks_of_two, size_t count);
extern const uint32_t sha256_round_keys[64];

#define WITH_SHA __attribute__((target("sha,sse4.1,ssse3")))

const _Alignas(64) uint32_t sha256_round_keys[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

int sha256_available(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1))
        return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) != 0;
}

/* The instructions take the eight words A to H as two vectors, ABEF and CDGH. */
void sha256_init(struct sha256 *state)
{
    static const uint32_t START[8] = {
        0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667, 0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372,
    };
    memcpy(state->words, START, sizeof START);
}

void sha256_put(const struct sha256 *state, uint8_t digest[SHA256_BYTES])
{
    static const int ORDER[8] = {3, 2, 7, 6, 1, 0, 5, 4};
    for (int at = 0; at < 8; at++) {
        uint32_t word = state->words[ORDER[at]];
        digest[4 * at] = (uint8_t)(word >> 24);
        digest[4 * at + 1] = (uint8_t)(word >> 16);
        digest[4 * at + 2] = (uint8_t)(word >> 8);
        digest[4 * at + 3] = (uint8_t)word;
    }
}

#define BIG_ENDIAN_WORDS _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL)
#define LOAD(from, at) _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(from) + (at)), order)
#define KEYS(at) _mm_load_si128((const __m128i *)(const void *)sha256_round_keys + (at))

/* The next four words of the message schedule, in place of `w0`. */
#define SCHEDULE(w0, w1, w2, w3)                                                                              \
    (w0) = _mm_sha256msg2_epu32(                                                                              \
        _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4)), w3)

#define FOUR_ROUNDS(abef, cdgh, w, at)                                                                        \
    do {                                                                                                      \
        __m128i sum = _mm_add_epi32(w, KEYS(at));                                                             \
        (cdgh) = _mm_sha256rnds2_epu32(cdgh, abef, sum);                                                      \
        (abef) = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));                             \
    } while (0)

/* In turns, so that each instruction of one message has one of the other between it and what waits for it. */
#define FOUR_ROUNDS_OF_BOTH(v, w, at)                                                                         \
    do {                                                                                                      \
        __m128i keys = KEYS(at), one_sum = _mm_add_epi32(v, keys), two_sum = _mm_add_epi32(w, keys);          \
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, one_sum);                                                    \
        two_cdgh = _mm_sha256rnds2_epu32(two_cdgh, two_abef, two_sum);                                        \
        one_sum = _mm_shuffle_epi32(one_sum, 0x0E);                                                           \
        two_sum = _mm_shuffle_epi32(two_sum, 0x0E);                                                           \
        abef = _mm_sha256rnds2_epu32(abef, cdgh, one_sum);                                                    \
        two_abef = _mm_sha256rnds2_epu32(two_abef, two_cdgh, two_sum);                                        \
    } while (0)

WITH_SHA void sha256_blocks(struct sha256 *state, const uint8_t *blocks, size_t count)
{
    const __m128i order = BIG_ENDIAN_WORDS;
    __m128i *stored = (__m128i *)(void *)state->words;
    __m128i abef = _mm_load_si128(stored), cdgh = _mm_load_si128(stored + 1);
    for (; count > 0; count--, blocks += SHA256_BLOCK_BYTES) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w0 = LOAD(blocks, 0), w1 = LOAD(blocks, 1), w2 = LOAD(blocks, 2), w3 = LOAD(blocks, 3);
        FOUR_ROUNDS(abef, cdgh, w0, 0);
        FOUR_ROUNDS(abef, cdgh, w1, 1);
        FOUR_ROUNDS(abef, cdgh, w2, 2);
        FOUR_ROUNDS(abef, cdgh, w3, 3);
#pragma GCC unroll 3
        for (int at = 4; at < 16; at += 4) {
            SCHEDULE(w0, w1, w2, w3);
            FOUR_ROUNDS(abef, cdgh, w0, at);
            SCHEDULE(w1, w2, w3, w0);
            FOUR_ROUNDS(abef, cdgh, w1, at + 1);
            SCHEDULE(w2, w3, w0, w1);
            FOUR_ROUNDS(abef, cdgh, w2, at + 2);
            SCHEDULE(w3, w0, w1, w2);
            FOUR_ROUNDS(abef, cdgh, w3, at + 3);
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    _mm_store_si128(stored, abef);
    _mm_store_si128(stored + 1, cdgh);
}

/* As sha256_blocks_two_avx, where there is no AVX, or a sanitizer looks on. */
WITH_SHA static void two_in_turns(struct sha256 *one, const uint8_t *blocks_of_one, struct sha256 *two,
                                  const uint8_t *blocks_of_two, size_t count)
{
    const __m128i order = BIG_ENDIAN_WORDS;
    __m128i *stored = (__m128i *)(void *)one->words, *two_stored = (__m128i *)(void *)two->words;
    __m128i abef = _mm_load_si128(stored), cdgh = _mm_load_si128(stored + 1);
    __m128i two_abef = _mm_load_si128(two_stored), two_cdgh = _mm_load_si128(two_stored + 1);
    for (; count > 0; count--, blocks_of_one += SHA256_BLOCK_BYTES, blocks_of_two += SHA256_BLOCK_BYTES) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        const __m128i two_abef_before = two_abef, two_cdgh_before = two_cdgh;
        __m128i v0 = LOAD(blocks_of_one, 0), v1 = LOAD(blocks_of_one, 1);
        __m128i v2 = LOAD(blocks_of_one, 2), v3 = LOAD(blocks_of_one, 3);
        __m128i w0 = LOAD(blocks_of_two, 0), w1 = LOAD(blocks_of_two, 1);
        __m128i w2 = LOAD(blocks_of_two, 2), w3 = LOAD(blocks_of_two, 3);
        FOUR_ROUNDS_OF_BOTH(v0, w0, 0);
        FOUR_ROUNDS_OF_BOTH(v1, w1, 1);
        FOUR_ROUNDS_OF_BOTH(v2, w2, 2);
        FOUR_ROUNDS_OF_BOTH(v3, w3, 3);
#pragma GCC unroll 3
        for (int at = 4; at < 16; at += 4) {
            SCHEDULE(v0, v1, v2, v3);
            SCHEDULE(w0, w1, w2, w3);
            FOUR_ROUNDS_OF_BOTH(v0, w0, at);
            SCHEDULE(v1, v2, v3, v0);
            SCHEDULE(w1, w2, w3, w0);
            FOUR_ROUNDS_OF_BOTH(v1, w1, at + 1);
            SCHEDULE(v2, v3, v0, v1);
            SCHEDULE(w2, w3, w0, w1);
            FOUR_ROUNDS_OF_BOTH(v2, w2, at + 2);
            SCHEDULE(v3, v0, v1, v2);
            SCHEDULE(w3, w0, w1, w2);
            FOUR_ROUNDS_OF_BOTH(v3, w3, at + 3);
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
        two_abef = _mm_add_epi32(two_abef, two_abef_before);
        two_cdgh = _mm_add_epi32(two_cdgh, two_cdgh_before);
    }
    _mm_store_si128(stored, abef);
    _mm_store_si128(stored + 1, cdgh);
    _mm_store_si128(two_stored, two_abef);
    _mm_store_si128(two_stored + 1, two_cdgh);
}

void sha256_blocks_two(struct sha256 *one, const uint8_t *blocks_of_one, struct sha256 *two,
                       const uint8_t *blocks_of_two, size_t count)
{
#if !defined(__SANITIZE_ADDRESS__) /* it looks into C only */
    if (__builtin_cpu_supports("avx")) {
        sha256_blocks_two_avx(one, blocks_of_one, two, blocks_of_two, count);
        return;
    }
#endif
    two_in_turns(one, blocks_of_one, two, blocks_of_two, count);
}

#else /* another processor: hashlib does it, see onepass/library.py */

int sha256_available(void) { return 0; }
void sha256_init(struct sha256 *state) { (void)state; }
void sha256_put(const struct sha256 *state, uint8_t digest[SHA256_BYTES]) { (void)state, (void)digest; }
void sha256_blocks(struct sha256 *state, const uint8_t *blocks, size_t count)
{
    (void)state, (void)blocks, (void)count;
}
void sha256_blocks_two(struct sha256 *one, const uint8_t *blocks_of_one, struct sha256 *two,
                       const uint8_t *blocks_of_two, size_t count)
{
    (void)one, (void)blocks_of_one, (void)two, (void)blocks_of_two, (void)count;
}

#endif
