/* The guest of the chaos tests: calls guest(). */
#define	CR4_BITS	0x620	/* PAE, OSFXSR, OSXMMEXCPT */
#define	CR0_CLEARED	0x4	/* EM: there is an FPU */
#include "long-mode.inc"

	multiboot_header
_start:
	enter_long_mode
	call	guest
3:	cli
	hlt
	jmp	3b

	/* The timer's interrupt. */
	.globl	tick
tick:
	pushq	%rax
	incq	ticks
	movb	$0x20, %al
	outb	%al, $0x20
	popq	%rax
	iretq

	/* Any exception: the guest is broken. */
	.globl	broken
broken:
	movl	$0xFFFFFFFF, %eax
	outl	%eax, $0xE4
	cli
	hlt

	long_mode_gdt

	.section .note.GNU-stack,"",@progbits
