/*
 * The guest of the chaos tests: from the state that a Multiboot loader leaves (32-bit, flat, no
 * paging) to 64-bit code with the first GiB mapped to itself by 2 MiB pages; calls guest().
 */
	.equ	PML4, 0x10000
	.equ	PDPT, 0x11000
	.equ	PD, 0x12000
	.equ	STACK, 0x90000

	.text
	.code32
	.globl	_start
header:
	.long	0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
	.long	header, header, _edata, _end, _start
_start:
	cli
	cld
	movl	$PML4, %edi
	xorl	%eax, %eax
	movl	$(3 * 4096 / 4), %ecx
	rep stosl
	movl	$(PDPT | 3), PML4
	movl	$(PD | 3), PDPT
	movl	$PD, %edi
	movl	$0x83, %eax
1:	movl	%eax, (%edi)
	addl	$8, %edi
	addl	$0x200000, %eax
	cmpl	$(0x200000 * 512 + 0x83), %eax
	jne	1b
	movl	%cr4, %eax
	orl	$0x620, %eax		/* PAE, OSFXSR, OSXMMEXCPT */
	movl	%eax, %cr4
	movl	$PML4, %eax
	movl	%eax, %cr3
	movl	$0xC0000080, %ecx
	rdmsr
	orl	$0x100, %eax
	wrmsr
	movl	%cr0, %eax
	andl	$~0x4, %eax		/* EM: there is an FPU */
	orl	$0x80010001, %eax
	movl	%eax, %cr0
	lgdt	gdt_register
	ljmp	$8, $2f
	.code64
2:	movl	$16, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$STACK, %esp
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

	.balign	8
gdt:	.quad	0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF
gdt_register:
	.word	gdt_register - gdt - 1
	.long	gdt

	.section .note.GNU-stack,"",@progbits
