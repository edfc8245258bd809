#include "textflag.h"

// func markBlocksAVX2(marks *uint64, data *byte, n int)
//
// A byte is marked if, as a signed number and with bit 1 flipped, it is below
// 0x21, or if it is a backslash. Signed bytes outside ASCII are negative, and
// the flipped bit puts the quote just above the control characters.
TEXT ·markBlocksAVX2(SB), NOSPLIT, $0-24
	MOVQ marks+0(FP), DI
	MOVQ data+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ $0x02, AX
	MOVQ AX, X0
	VPBROADCASTB X0, Y0
	MOVQ $0x21, AX
	MOVQ AX, X1
	VPBROADCASTB X1, Y1
	MOVQ $0x5c, AX
	MOVQ AX, X2
	VPBROADCASTB X2, Y2
block:
	VMOVDQU (SI), Y3
	VMOVDQU 32(SI), Y4
	VPXOR Y0, Y3, Y5
	VPXOR Y0, Y4, Y6
	VPCMPGTB Y5, Y1, Y5
	VPCMPGTB Y6, Y1, Y6
	VPCMPEQB Y2, Y3, Y3
	VPCMPEQB Y2, Y4, Y4
	VPOR Y3, Y5, Y5
	VPOR Y4, Y6, Y6
	VPMOVMSKB Y5, AX
	VPMOVMSKB Y6, BX
	SHLQ $32, BX
	ORQ BX, AX
	MOVQ AX, (DI)
	ADDQ $64, SI
	ADDQ $8, DI
	DECQ CX
	JNZ block
	VZEROUPPER
	RET

// func detectAVX2() bool
//
// AVX2 is bit 5 of EBX of leaf 7; the operating system must keep the registers:
// OSXSAVE and AVX are bits 27 and 28 of ECX of leaf 1, and XCR0 must have bits
// 1 and 2.
TEXT ·detectAVX2(SB), NOSPLIT, $0-1
	MOVB $0, ret+0(FP)
	MOVL $0, AX
	XORL CX, CX
	CPUID
	CMPL AX, $7
	JLT done
	MOVL $1, AX
	XORL CX, CX
	CPUID
	ANDL $0x18000000, CX
	CMPL CX, $0x18000000
	JNE done
	XORL CX, CX
	XGETBV
	ANDL $6, AX
	CMPL AX, $6
	JNE done
	MOVL $7, AX
	XORL CX, CX
	CPUID
	SHRL $5, BX
	ANDL $1, BX
	MOVB BX, ret+0(FP)
done:
	RET
