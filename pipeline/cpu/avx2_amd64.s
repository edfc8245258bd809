#include "textflag.h"

// func detectAVX2() bool
//
// AVX2, BMI1 and BMI2 are bits 5, 3 and 8 of EBX of leaf 7; the operating system
// must keep the registers: OSXSAVE and AVX are bits 27 and 28 of ECX of leaf 1,
// and XCR0 must have bits 1 and 2.
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
	ANDL $0x128, BX
	CMPL BX, $0x128
	JNE done
	MOVB $1, ret+0(FP)
done:
	RET
