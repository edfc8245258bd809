#include "go_asm.h"
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

// func runAVX2(w *walk)
//
// SI data, R8 its length, R12 the last position at which 64 bytes may be read,
// R9 marks, R10 spans, R11 values so far, BX the step, DX the position.
// AX is the value's first byte, CX its end.
TEXT ·runAVX2(SB), NOSPLIT, $0-8
	MOVQ w+0(FP), DI
	MOVQ walk_data(DI), SI
	MOVQ walk_size(DI), R8
	MOVQ walk_marks(DI), R9
	MOVQ walk_spans(DI), R10
	MOVQ walk_k(DI), R11
	MOVQ walk_step(DI), BX
	MOVQ walk_pos(DI), DX
	LEAQ -64(R8), R12
	TESTQ BX, BX
	JZ stop
	CMPQ DX, R12
	JGT stop

try:
	VMOVDQU (SI)(DX*1), Y0
	VPCMPEQB step_head(BX), Y0, Y0
	VPMOVMSKB Y0, AX
	ANDNL step_covers(BX), AX, AX
	JNZ other
	MOVQ step_n(BX), AX
	CMPQ AX, $32
	JHI stop
	ADDQ DX, AX
	MOVBLZX step_kind(BX), CX
	CMPL CX, $const_stepNumber
	JE number
	JHI rest

	// A string ends at the next mark. Of the two words of marks around AX the 64
	// bits from AX on are looked at, so that no branch depends on where a word ends.
	MOVQ AX, R13
window:
	MOVQ R13, CX
	SHRQ $6, CX
	SHRXQ R13, (R9)(CX*8), DI
	MOVQ 8(R9)(CX*8), CX
	ADDQ CX, CX
	MOVQ R13, R15
	NOTQ R15
	SHLXQ R15, CX, CX
	ORQ DI, CX
	JZ further
	TZCNTQ CX, CX
	ADDQ R13, CX
	CMPQ CX, R8
	JCC stop
	CMPB (SI)(CX*1), $0x22
	JNE stop
	CMPQ CX, AX
	JEQ other
	CMPB (SI)(AX*1), $0x20
	JLS other

	// The next text's place would have to wait for CX. Where the length is mostly
	// that of the last time, the processor goes on from there, and CX only tells
	// whether that was right.
value:
	MOVQ step_guess(BX), R13
	TESTQ R13, R13
	JLT unguessed
	LEAQ (AX)(R13*1), DX
	CMPQ CX, DX
	JNE wrong
	SHLQ $32, R13
	ORQ AX, R13
	MOVQ R13, (R10)(R11*8)
	INCQ R11
	CMPQ step_credit(BX), $const_guessCreditMax
	JGE follow
	INCQ step_credit(BX)
follow:
	MOVQ step_next(BX), BX
	TESTQ BX, BX
	JZ stop
	CMPQ DX, R12
	JLE try
	JMP stop

wrong:
	MOVQ CX, R13
	SUBQ AX, R13
	SUBQ $const_guessCost, step_credit(BX)
	JGE learnt
	MOVQ $-1, R13
learnt:
	MOVQ R13, step_guess(BX)

unguessed:
	MOVQ CX, DX
	SUBQ AX, CX
	SHLQ $32, CX
	ORQ AX, CX
	MOVQ CX, (R10)(R11*8)
	INCQ R11
	JMP follow

further:
	ADDQ $64, R13
	JMP window

other:
	MOVQ step_other(BX), BX
	TESTQ BX, BX
	JNZ try
	JMP stop

	// Up to 7 digits, and behind a point up to 7 more. Xor leaves the values of
	// digits, and adding 0x76 sets the highest bit of the first byte that is none.
number:
	MOVQ $0x3030303030303030, R13
	XORQ (SI)(AX*1), R13
	MOVQ $0x7676767676767676, CX
	ADDQ R13, CX
	ORQ R13, CX
	MOVQ $0x8080808080808080, R15
	ANDQ R15, CX
	TZCNTQ CX, CX
	SHRQ $3, CX
	LEAQ -1(CX), DI
	CMPQ DI, $7
	JCC stop
	TESTB R13, R13
	JNZ digits
	TESTQ DI, DI
	JNZ stop // a zero and more digits
digits:
	ADDQ AX, CX
	MOVBLZX (SI)(CX*1), R13
	CMPL R13, $0x2e
	JNE behind
	MOVQ $0x3030303030303030, R13
	XORQ 1(SI)(CX*1), R13
	MOVQ $0x7676767676767676, DI
	ADDQ R13, DI
	ORQ R13, DI
	ANDQ R15, DI
	TZCNTQ DI, DI
	SHRQ $3, DI
	LEAQ -1(DI), R13
	CMPQ R13, $7
	JCC stop
	LEAQ 1(CX)(DI*1), CX
	MOVBLZX (SI)(CX*1), R13
behind:
	ORL $0x20, R13
	CMPL R13, $0x65 // an exponent
	JNE value
	JMP stop

rest:
	CMPL CX, $const_stepConst
	JNE opaque
	MOVBLZX step_back(BX), CX
	MOVQ AX, DX
	SUBQ CX, AX
	MOVBLZX step_size(BX), CX
	SHLQ $32, CX
	ORQ AX, CX
	MOVQ CX, (R10)(R11*8)
	INCQ R11
	JMP follow

opaque:
	CMPL CX, $const_stepEnd
	JNE stop
	MOVQ AX, DX
	MOVQ w+0(FP), DI
	MOVB $1, walk_done(DI)

stop:
	MOVQ w+0(FP), DI
	MOVQ BX, walk_step(DI)
	MOVQ DX, walk_pos(DI)
	MOVQ R11, walk_k(DI)
	VZEROUPPER
	RET
