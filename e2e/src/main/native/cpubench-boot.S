/*
 * From the state that a Multiboot loader leaves (32-bit, flat, no paging) to 64-bit code with the
 * first GiB mapped to itself by 2 MiB pages; calls rounds(kernel).
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
	.globl	kernel
kernel:
	.long	0		/* which kernel to run: whoever starts the image writes it here */
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
	orl	$0x20, %eax
	movl	%eax, %cr4
	movl	$PML4, %eax
	movl	%eax, %cr3
	movl	$0xC0000080, %ecx
	rdmsr
	orl	$0x100, %eax
	wrmsr
	movl	%cr0, %eax
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
	movl	kernel, %edi
	call	rounds
3:	hlt
	jmp	3b

	.balign	8
gdt:	.quad	0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF
gdt_register:
	.word	gdt_register - gdt - 1
	.long	gdt

	.section .note.GNU-stack,"",@progbits
