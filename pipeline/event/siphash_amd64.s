#include "go_asm.h"
#include "textflag.h"

// Rotation of 64-bit lanes by 16 bits, as a shuffle of bytes.
DATA rotate16<>+0(SB)/8, $0x0504030201000706
DATA rotate16<>+8(SB)/8, $0x0d0c0b0a09080f0e
DATA rotate16<>+16(SB)/8, $0x0504030201000706
DATA rotate16<>+24(SB)/8, $0x0d0c0b0a09080f0e
GLOBL rotate16<>(SB), RODATA|NOPTR, $32

// One SipRound on the lanes of v0 to v3; s and t are scratch, Y7 rotates by 16.
#define ROUND(v0, v1, v2, v3, s, t) \
	VPADDQ v1, v0, v0; \
	VPADDQ v3, v2, v2; \
	VPSLLQ $13, v1, s; \
	VPSRLQ $51, v1, v1; \
	VPSHUFB Y7, v3, v3; \
	VPOR s, v1, v1; \
	VPXOR v2, v3, v3; \
	VPXOR v0, v1, v1; \
	VPSHUFD $0xb1, v0, v0; \
	VPADDQ v1, v2, v2; \
	VPADDQ v3, v0, v0; \
	VPSLLQ $17, v1, s; \
	VPSRLQ $47, v1, v1; \
	VPSLLQ $21, v3, t; \
	VPSRLQ $43, v3, v3; \
	VPOR s, v1, v1; \
	VPOR t, v3, v3; \
	VPXOR v2, v1, v1; \
	VPXOR v0, v3, v3; \
	VPSHUFD $0xb1, v2, v2

// Two rounds on both halves of the lanes. Each round waits for the one before,
// but the halves do not wait for each other.
#define ROUNDS \
	ROUND(Y0, Y1, Y2, Y3, Y4, Y5); \
	ROUND(Y8, Y9, Y10, Y11, Y12, Y13); \
	ROUND(Y0, Y1, Y2, Y3, Y4, Y5); \
	ROUND(Y8, Y9, Y10, Y11, Y12, Y13)

// Takes in a block of each lane: Y6 of the first half, Y14 of the second.
#define BLOCK \
	VPXOR Y6, Y3, Y3; \
	VPXOR Y14, Y11, Y11; \
	ROUNDS; \
	VPXOR Y6, Y0, Y0; \
	VPXOR Y14, Y8, Y8

// Writes one half of the hashes, v0^v1^v2^v3.
#define HALF(at) \
	VPXOR Y1, Y0, Y6; \
	VPXOR Y3, Y2, Y14; \
	VPXOR Y14, Y6, Y6; \
	VMOVDQU Y6, at(DI); \
	VPXOR Y9, Y8, Y6; \
	VPXOR Y11, Y10, Y14; \
	VPXOR Y14, Y6, Y6; \
	VMOVDQU Y6, at+32(DI)

// The word as all lanes of a register, which x is the lower half of.
#define WORD(word, y, x) \
	MOVQ $word, AX; \
	MOVQ AX, x; \
	VPBROADCASTQ x, y

// The words at a place in four texts.
#define WORDS(p0, p1, p2, p3, y, x, x2) \
	VMOVQ (p0)(DX*8), x; \
	VPINSRQ $1, (p1)(DX*8), x, x; \
	VMOVQ (p2)(DX*8), x2; \
	VPINSRQ $1, (p3)(DX*8), x2, x2; \
	VINSERTI128 $1, x2, y, y

// func sip8(group *sipGroup, k0, k1 uint64, blocks int)
TEXT ·sip8(SB), NOSPLIT, $0-32
	MOVQ group+0(FP), DI
	MOVQ blocks+24(FP), CX
	VMOVDQU rotate16<>(SB), Y7
	VPBROADCASTQ k0+8(FP), Y6
	VPBROADCASTQ k1+16(FP), Y14
	WORD(0x736f6d6570736575, Y0, X0)
	WORD(0x646f72616e646f83, Y1, X1) // the last byte with 0xee, for 128 bits
	WORD(0x6c7967656e657261, Y2, X2)
	WORD(0x7465646279746573, Y3, X3)
	VPXOR Y6, Y0, Y0
	VPXOR Y14, Y1, Y1
	VPXOR Y6, Y2, Y2
	VPXOR Y14, Y3, Y3
	VMOVDQA Y0, Y8
	VMOVDQA Y1, Y9
	VMOVDQA Y2, Y10
	VMOVDQA Y3, Y11
	XORL DX, DX
	TESTQ CX, CX
	JZ last
	MOVQ sipGroup_text+0(DI), R8
	MOVQ sipGroup_text+8(DI), R9
	MOVQ sipGroup_text+16(DI), R10
	MOVQ sipGroup_text+24(DI), R11
	MOVQ sipGroup_text+32(DI), AX
	MOVQ sipGroup_text+40(DI), BX
	MOVQ sipGroup_text+48(DI), SI
	MOVQ sipGroup_text+56(DI), R12
block:
	WORDS(R8, R9, R10, R11, Y6, X6, X15)
	WORDS(AX, BX, SI, R12, Y14, X14, X15)
	BLOCK
	INCQ DX
	CMPQ DX, CX
	JLT block
last:
	VMOVDQU sipGroup_last+0(DI), Y6
	VMOVDQU sipGroup_last+32(DI), Y14
	BLOCK

	WORD(0xee, Y6, X6)
	VPXOR Y6, Y2, Y2
	VPXOR Y6, Y10, Y10
	ROUNDS
	ROUNDS
	HALF(sipGroup_hi)

	WORD(0xdd, Y6, X6)
	VPXOR Y6, Y1, Y1
	VPXOR Y6, Y9, Y9
	ROUNDS
	ROUNDS
	HALF(sipGroup_lo)
	VZEROUPPER
	RET
