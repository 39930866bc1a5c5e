/* SHA-256 of two messages at once, 64 bytes of each in turns: FIPS 180-4 by the SHA and AVX instructions of x86-64.
 *
 * The instruction for two rounds takes four clock ticks, the next one of the same message waits for it, and the unit that
 * does it can begin another every two. So two messages take hardly longer than one, if little else stands between their
 * instructions: a compiler moves words about to find room in 16 registers, and what it moves costs as much again as the
 * second message. The order was found by measuring (docs/adr/0009): two steps of four rounds of one message, then of the
 * other, cut before the instruction of the schedule that wants the same unit.
 *
 * void sha256_blocks_two_avx(struct sha256 *one, const uint8_t *blocks_of_one, struct sha256 *two,
 *                            const uint8_t *blocks_of_two, size_t count);
 * %rdi one, %rsi its blocks, %rdx two, %rcx its blocks, %r8 how many of each. No stack, no registers to be kept.
 * %xmm0 is what the rounds take implicitly. One: ABEF in 1, CDGH in 2, words in 3 to 6. Two: 7, 8, words in 9 to 12. */

#if defined(__x86_64__)

        .altmacro

.macro load from, first
    .irp at, 0, 1, 2, 3
        load_words \from, \at, %(\first + \at)
    .endr
.endm

.macro load_words from, at, words
        vmovdqu 16*\at(%\from), %xmm\words
        vpshufb %xmm15, %xmm\words, %xmm\words
.endm

/* Four rounds with words that are there. */
.macro rounds words, abef, cdgh, at
        vpaddd  16*(\at) + sha256_round_keys(%rip), %xmm\words, %xmm0
        sha256rnds2 %xmm0, %xmm\abef, %xmm\cdgh
        vpshufd $14, %xmm0, %xmm0
        sha256rnds2 %xmm0, %xmm\cdgh, %xmm\abef
.endm

/* The next four words of a message schedule in place of the oldest: all but the last instruction, then that one. */
.macro prepare first, at
        prepare_words %(\first + (\at) % 4), %(\first + ((\at) + 1) % 4), %(\first + ((\at) + 2) % 4), %(\first + ((\at) + 3) % 4)
.endm

.macro prepare_words w0, w1, w2, w3
        vpalignr $4, %xmm\w2, %xmm\w3, %xmm13
        sha256msg1 %xmm\w1, %xmm\w0
        vpaddd  %xmm13, %xmm\w0, %xmm\w0
.endm

.macro finish first, abef, cdgh, at
        finish_words %(\first + (\at) % 4), %(\first + ((\at) + 3) % 4), \abef, \cdgh, \at
.endm

.macro finish_words w0, w3, abef, cdgh, at
        sha256msg2 %xmm\w3, %xmm\w0
        rounds  \w0, \abef, \cdgh, \at
.endm

/* Two turns of a message: its first rounds, and those in the middle. */
.macro turn_0 from, first, abef, cdgh
        load    \from, \first
        rounds  %(\first), \abef, \cdgh, 0
        rounds  %(\first + 1), \abef, \cdgh, 1
.endm

.macro turn_2 first, abef, cdgh
        rounds  %(\first + 2), \abef, \cdgh, 2
        rounds  %(\first + 3), \abef, \cdgh, 3
        prepare \first, 4
        finish  \first, \abef, \cdgh, 4
        prepare \first, 5
.endm

.macro turn first, abef, cdgh, at
        finish  \first, \abef, \cdgh, \at
        prepare \first, \at + 1
        finish  \first, \abef, \cdgh, \at + 1
        prepare \first, \at + 2
.endm

.macro turn_15 state, first, abef, cdgh
        finish  \first, \abef, \cdgh, 15
        vpaddd  (%\state), %xmm\abef, %xmm\abef
        vpaddd  16(%\state), %xmm\cdgh, %xmm\cdgh
        vmovdqa %xmm\abef, (%\state)
        vmovdqa %xmm\cdgh, 16(%\state)
.endm

        .hidden sha256_round_keys
        .text
        .globl  sha256_blocks_two_avx
        .hidden sha256_blocks_two_avx
        .type   sha256_blocks_two_avx, @function
sha256_blocks_two_avx:
        test    %r8, %r8
        je      2f
        vmovdqa .Lbig_endian_words(%rip), %xmm15
        vmovdqa (%rdi), %xmm1
        vmovdqa 16(%rdi), %xmm2
        vmovdqa (%rdx), %xmm7
        vmovdqa 16(%rdx), %xmm8
        .p2align 6
1:      turn_0  rsi, 3, 1, 2
        turn_0  rcx, 9, 7, 8
        turn_2  3, 1, 2
        turn_2  9, 7, 8
    .irp at, 5, 7, 9, 11, 13
        turn    3, 1, 2, \at
        turn    9, 7, 8, \at
    .endr
        turn_15 rdi, 3, 1, 2
        turn_15 rdx, 9, 7, 8
        add     $64, %rsi
        add     $64, %rcx
        dec     %r8
        jne     1b
2:      ret
        .size   sha256_blocks_two_avx, . - sha256_blocks_two_avx

        .section .rodata
        .p2align 4
.Lbig_endian_words:
        .quad   0x0405060700010203, 0x0c0d0e0f08090a0b

#endif

        .section .note.GNU-stack, "", @progbits
