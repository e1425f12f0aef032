/* The guest of the CPU benchmark: calls rounds(kernel). */
#define	CR4_BITS	0x20	/* PAE */
#include "long-mode.inc"

	multiboot_header
	.globl	kernel
kernel:
	.long	0		/* which kernel to run: whoever starts the image writes it here */
_start:
	enter_long_mode
	movl	kernel, %edi
	call	rounds
3:	hlt
	jmp	3b

	long_mode_gdt

	.section .note.GNU-stack,"",@progbits
