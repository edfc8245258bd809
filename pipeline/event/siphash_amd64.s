#include "go_asm.h"
#include "textflag.h"

// Rotation of 64-bit lanes by 16 bits, as a shuffle of bytes.
DATA rotate16<>+0(SB)/8, $0x0504030201000706
DATA rotate16<>+8(SB)/8, $0x0d0c0b0a09080f0e
DATA rotate16<>+16(SB)/8, $0x0504030201000706
DATA rotate16<>+24(SB)/8, $0x0d0c0b0a09080f0e
GLOBL rotate16<>(SB), RODATA|NOPTR, $32

// One SipRound on the lanes of Y0 to Y3; Y4 and Y5 are scratch, Y7 rotates by 16.
#define ROUND \
	VPADDQ Y1, Y0, Y0; \
	VPADDQ Y3, Y2, Y2; \
	VPSLLQ $13, Y1, Y4; \
	VPSRLQ $51, Y1, Y1; \
	VPSHUFB Y7, Y3, Y3; \
	VPOR Y4, Y1, Y1; \
	VPXOR Y2, Y3, Y3; \
	VPXOR Y0, Y1, Y1; \
	VPSHUFD $0xb1, Y0, Y0; \
	VPADDQ Y1, Y2, Y2; \
	VPADDQ Y3, Y0, Y0; \
	VPSLLQ $17, Y1, Y4; \
	VPSRLQ $47, Y1, Y1; \
	VPSLLQ $21, Y3, Y5; \
	VPSRLQ $43, Y3, Y3; \
	VPOR Y4, Y1, Y1; \
	VPOR Y5, Y3, Y3; \
	VPXOR Y2, Y1, Y1; \
	VPXOR Y0, Y3, Y3; \
	VPSHUFD $0xb1, Y2, Y2

// The word at AX as all lanes of a register.
#define WORD(word, y, x) \
	MOVQ $word, AX; \
	MOVQ AX, x; \
	VPBROADCASTQ x, y

// func sip4(group *sipGroup, k0, k1 uint64, blocks int)
TEXT ·sip4(SB), NOSPLIT, $0-32
	MOVQ group+0(FP), DI
	MOVQ blocks+24(FP), CX
	VMOVDQU rotate16<>(SB), Y7
	VPBROADCASTQ k0+8(FP), Y8
	VPBROADCASTQ k1+16(FP), Y9
	WORD(0x736f6d6570736575, Y0, X0)
	WORD(0x646f72616e646f83, Y1, X1) // the last byte with 0xee, for 128 bits
	WORD(0x6c7967656e657261, Y2, X2)
	WORD(0x7465646279746573, Y3, X3)
	VPXOR Y8, Y0, Y0
	VPXOR Y9, Y1, Y1
	VPXOR Y8, Y2, Y2
	VPXOR Y9, Y3, Y3
	MOVQ sipGroup_text+0(DI), R8
	MOVQ sipGroup_text+8(DI), R9
	MOVQ sipGroup_text+16(DI), R10
	MOVQ sipGroup_text+24(DI), R11
	XORL DX, DX
	TESTQ CX, CX
	JZ last
block:
	VMOVQ (R8)(DX*8), X6
	VPINSRQ $1, (R9)(DX*8), X6, X6
	VMOVQ (R10)(DX*8), X10
	VPINSRQ $1, (R11)(DX*8), X10, X10
	VINSERTI128 $1, X10, Y6, Y6
	VPXOR Y6, Y3, Y3
	ROUND
	ROUND
	VPXOR Y6, Y0, Y0
	INCQ DX
	CMPQ DX, CX
	JLT block
last:
	VMOVDQU sipGroup_last(DI), Y6
	VPXOR Y6, Y3, Y3
	ROUND
	ROUND
	VPXOR Y6, Y0, Y0

	WORD(0xee, Y6, X6)
	VPXOR Y6, Y2, Y2
	ROUND
	ROUND
	ROUND
	ROUND
	VPXOR Y1, Y0, Y6
	VPXOR Y3, Y2, Y10
	VPXOR Y10, Y6, Y6
	VMOVDQU Y6, sipGroup_hi(DI)

	WORD(0xdd, Y6, X6)
	VPXOR Y6, Y1, Y1
	ROUND
	ROUND
	ROUND
	ROUND
	VPXOR Y1, Y0, Y6
	VPXOR Y3, Y2, Y10
	VPXOR Y10, Y6, Y6
	VMOVDQU Y6, sipGroup_lo(DI)
	VZEROUPPER
	RET
