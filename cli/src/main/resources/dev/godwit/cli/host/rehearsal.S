/*
 * The guest of a rehearsal: does, in a loop, a little of everything that a kernel and its programs do
 * on a quiet system, so that a process's CPU has decoded and executed it before a real guest comes.
 *
 * Entered in 64-bit mode at 0x100000, where it lies, with the first 4 GiB mapped to themselves. Uses RAM
 * up to 16 MiB. rehearsal.bin is this file, assembled:
 *
 *   gcc -nostdlib -static -Wl,-Ttext=0x100000,--build-id=none,-N,--no-warn-rwx-segments -o rehearsal.elf rehearsal.S
 *   objcopy -O binary rehearsal.elf rehearsal.bin
 */
	.equ	STACK, 0x180000
	.equ	USER_STACK, 0x190000
	.equ	DATA, 0x1A0000		/* what work reads and writes; two pages */
	.equ	PML4, 0x200000
	.equ	PDPT, 0x201000
	.equ	PD, 0x202000
	.equ	PT, 0x203000		/* of the 2 MiB from LAZY on */
	.equ	PD_DEVICES, 0x204000
	.equ	IDT, 0x205000
	.equ	COPIES, 0x400000	/* where copies of work are executed: 2 MiB */
	.equ	COPY_BYTES, 0x1000
	.equ	LAZY, 0x600000		/* mapped when it is touched */

	.equ	UPPER, 0x800000
	.equ	UPPER_END, 0x1000000

	.equ	APIC, 0xFEE00000
	.equ	TIMER, 0x40
	.equ	COM1, 0x3F8
	.equ	KERNEL_CODE, 0x10
	.equ	KERNEL_DATA, 0x18
	.equ	USER_BASE, 0x20
	.equ	TASK, 0x38

	.text
	.code64
	.globl	_start
_start:
	cli
	cld
	movq	$STACK, %rsp
	call	make_tables
	call	make_traps
	call	make_apic
	sti

	movq	$COPIES, %r15
loop:
	/* The upper half of RAM becomes dirty. */
	movq	$UPPER, %rdi
1:	incq	(%rdi)
	addq	$0x1000, %rdi
	cmpq	$UPPER_END, %rdi
	jb	1b

	/* New code, decoded and run; the second time round, code that is overwritten. */
	leaq	work(%rip), %rsi
	movq	%r15, %rdi
	movl	$(work_end - work + 7) / 8, %ecx
	rep movsq
	movl	$DATA, %ebx
	call	*%r15
	call	*%r15
	addq	$COPY_BYTES, %r15
	cmpq	$COPIES + 0x200000, %r15
	jb	1f
	movq	$COPIES, %r15
1:
	/* A program and its system calls. */
	movq	%rsp, kernel_stack(%rip)
	leaq	user(%rip), %rcx
	movl	$0x202, %r11d
	movq	$USER_STACK, %rsp
	swapgs
	sysretq
back:
	/* Pages that are mapped when they are touched, and unmapped. */
	movl	$8, %ecx
	movq	$LAZY, %rdi
1:	movq	%rdi, (%rdi)
	addq	$0x1000, %rdi
	loop	1b
	movl	$8, %ecx
	movq	$PT, %rsi
	movq	$LAZY, %rdi
1:	movq	$0, (%rsi)
	invlpg	(%rdi)
	addq	$8, %rsi
	addq	$0x1000, %rdi
	loop	1b

	leaq	text(%rip), %rsi
	call	print

	/* Sleeps until the timer comes. */
	cli
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	addq	$200000, %rax
	movq	%rax, %rdx
	shrq	$32, %rdx
	movl	$0x6E0, %ecx
	wrmsr
	sti
	hlt
	jmp	loop

/* Page and descriptor tables; everything may be used by programs. */
make_tables:
	movq	$PML4, %rdi
	xorl	%eax, %eax
	movl	$0x6000 / 8, %ecx
	rep stosq
	movq	$PDPT + 7, PML4
	movq	$PD + 7, PDPT
	movq	$PD_DEVICES + 7, PDPT + 3 * 8
	movq	$PD, %rdi
	movq	$0x87, %rax
1:	movq	%rax, (%rdi)
	addq	$8, %rdi
	addq	$0x200000, %rax
	cmpq	$0x40000087, %rax
	jne	1b
	movq	$PT + 7, PD + (LAZY >> 21) * 8
	movl	$APIC + 0x93, %eax
	movq	%rax, PD_DEVICES + ((APIC - 0xC0000000) >> 21) * 8
	movq	$PML4, %rax
	movq	%rax, %cr3

	leaq	tss(%rip), %rax
	leaq	gdt(%rip), %rdi
	movw	%ax, TASK + 2(%rdi)
	shrq	$16, %rax
	movb	%al, TASK + 4(%rdi)
	movb	%ah, TASK + 7(%rdi)
	movq	$STACK, tss + 4(%rip)
	lgdt	gdt_register(%rip)
	pushq	$KERNEL_CODE
	leaq	2f(%rip), %rax
	pushq	%rax
	lretq
2:	movl	$KERNEL_DATA, %eax
	movl	%eax, %ss
	movl	%eax, %ds
	movl	%eax, %es
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	movl	$TASK, %eax
	ltr	%ax

	movq	%cr0, %rax
	andq	$~0xC, %rax		/* EM, TS: there is an FPU */
	orq	$0x10002, %rax		/* WP, MP */
	movq	%rax, %cr0
	movq	%cr4, %rax
	orq	$0x680, %rax		/* PGE, OSFXSR, OSXMMEXCPT */
	movq	%rax, %cr4
	ret

make_traps:
	movq	$IDT, %rdi
	xorl	%ebx, %ebx
1:	leaq	broken(%rip), %rax
	leaq	page_fault(%rip), %rdx
	cmpl	$14, %ebx
	cmoveq	%rdx, %rax
	leaq	tick(%rip), %rdx
	cmpl	$TIMER, %ebx
	cmoveq	%rdx, %rax
	movl	%eax, %edx
	movw	$0x8E00, %dx
	movzwl	%ax, %eax
	orl	$KERNEL_CODE << 16, %eax
	movl	%eax, (%rdi)
	movl	%edx, 4(%rdi)
	movq	$0, 8(%rdi)
	addq	$16, %rdi
	incl	%ebx
	cmpl	$256, %ebx
	jne	1b
	lidt	idt_register(%rip)

	movl	$0xC0000080, %ecx	/* EFER: SYSCALL, no-execute */
	rdmsr
	orl	$0x801, %eax
	wrmsr
	movl	$0xC0000081, %ecx	/* STAR */
	xorl	%eax, %eax
	movl	$USER_BASE << 16 | KERNEL_CODE, %edx
	wrmsr
	movl	$0xC0000082, %ecx	/* LSTAR */
	leaq	system_call(%rip), %rax
	xorl	%edx, %edx
	wrmsr
	movl	$0xC0000084, %ecx	/* FMASK: IF, DF, TF */
	movl	$0x700, %eax
	wrmsr
	movl	$0xC0000101, %ecx	/* GS base, while the kernel runs */
	leaq	own(%rip), %rax
	wrmsr
	ret

make_apic:
	movl	$0xFF, %eax		/* both 8259s masked */
	outb	%al, $0x21
	outb	%al, $0xA1
	movl	$APIC, %edi
	movl	$0x1FF, 0xF0(%rdi)
	movl	$0x40000 | TIMER, 0x320(%rdi)	/* by TSC deadline */
	mfence
	ret

	/* Interrupts and exceptions. */
	.macro	save_all
	testb	$3, 8(%rsp)
	jz	1f
	swapgs
1:	.irp	reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	pushq	%\reg
	.endr
	.endm
	.macro	restore_all
	.irp	reg, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
	popq	%\reg
	.endr
	testb	$3, 8(%rsp)
	jz	1f
	swapgs
1:
	.endm

tick:
	save_all
	lock incq %gs:own_ticks - own
	movl	$APIC, %edi
	movl	$0, 0xB0(%rdi)
	restore_all
	iretq

page_fault:
	xchgq	%rax, (%rsp)		/* the error code gives way to a register */
	pushq	%rdx
	movq	%cr2, %rax
	movq	%rax, %rdx
	subq	$LAZY, %rdx
	cmpq	$0x200000, %rdx
	jae	broken
	shrq	$12, %rdx
	andq	$-4096, %rax
	addq	$0x67, %rax
	movq	%rax, PT(, %rdx, 8)
	popq	%rdx
	popq	%rax
	iretq

broken:
	cli
	hlt
	jmp	broken

system_call:
	swapgs
	movq	%rsp, %gs:own_user_stack - own
	movq	%gs:own_kernel_stack - own, %rsp
	testl	%eax, %eax
	jz	1f
	pushq	%rcx
	pushq	%r11
	pushq	%rdi
	sti
	movl	$DATA, %ebx
	call	work
	cli
	popq	%rdi
	popq	%r11
	popq	%rcx
	movq	%gs:own_user_stack - own, %rsp
	swapgs
	sysretq
1:	sti
	jmp	back

/* In user mode. */
user:
	movl	$DATA, %ebx
	call	work
	movl	$1, %eax
	leaq	text(%rip), %rdi
	syscall
	fxsave	fpu(%rip)
	fxrstor	fpu(%rip)
	xorl	%eax, %eax
	syscall

/* Sends a text as a kernel's console does: waits for the transmitter, sends a character. */
print:
	movl	$COM1 + 5, %edx
1:	inb	%dx, %al
	testb	$0x20, %al
	jz	1b
	lodsb
	testb	%al, %al
	jz	2f
	movl	$COM1, %edx
	outb	%al, %dx
	jmp	print
2:	ret

/*
 * What compilers make programs of. RBX: two pages of data. Keeps RBX, RBP and R12 to R15. Works wherever it lies.
 */
	.balign	16
work:
	pushq	%rbp
	movq	%rsp, %rbp
	subq	$64, %rsp
	leaq	0x800(%rbx), %rsi
	leaq	0x1200(%rbx), %rdi
	movl	$0x12345678, %eax
	movabsq	$0x123456789ABCDEF0, %r8
	xorl	%edx, %edx
	movl	$3, %ecx
	movl	$5, %r9d
	movq	%rax, %r10
	movl	%r9d, %r11d

	/* Arithmetic: each operation in each size and form. */
	.irp	op, add, or, adc, sbb, and, sub, xor, cmp
	\op\()q	%r8, %rax
	\op\()l	%r9d, %eax
	\op\()w	%r10w, %r11w
	\op\()b	%cl, %al
	\op\()q	%rax, (%rsi)
	\op\()l	%eax, 8(%rsi, %rcx, 4)
	\op\()w	%ax, 16(%rbx, %rcx, 2)
	\op\()b	%al, 0x123(%rbx, %r9)
	\op\()q	(%rsi), %rdx
	\op\()l	-8(%rbp), %edx
	\op\()w	24(%rsi), %dx
	\op\()b	31(%rsi), %dl
	\op\()q	$7, %r10
	\op\()q	$0x1234, %r10
	\op\()l	$7, %r11d
	\op\()l	$0x12345, %r11d
	\op\()b	$7, %r11b
	\op\()q	$1, 32(%rsi)
	\op\()l	$1, 40(%rsi)
	\op\()w	$1, 48(%rsi)
	\op\()b	$1, 56(%rsi)
	\op\()l	$0x1000, 64(%rsi)
	\op\()l	$0x1000, %eax
	.endr
	.irp	op, inc, dec, neg, not
	\op\()q	%rax
	\op\()l	%eax
	\op\()b	%al
	\op\()q	(%rsi)
	\op\()l	8(%rsi)
	.endr
	.irp	op, shl, shr, sar, rol, ror
	\op\()q	$3, %rax
	\op\()l	$3, %eax
	\op\()q	%cl, %r8
	\op\()l	%cl, %r9d
	\op\()b	$1, %dl
	\op\()q	(%rsi)
	\op\()l	$2, 8(%rsi)
	.endr
	shldq	$5, %rax, %r8
	shrdl	$5, %eax, %r9d
	imulq	%rax, %r8
	imulq	$24, %rax, %r10
	imull	$1000, %r9d, %r11d
	imull	8(%rsi), %r11d
	mulq	%r8
	mull	%r9d
	xorl	%edx, %edx
	movl	$77, %r9d
	divq	%r9
	xorl	%edx, %edx
	divl	%r9d
	cqto
	idivq	%r9
	cltd
	idivl	%r9d
	cltq
	movl	$3, %ecx

	/* Moves. */
	movq	%rax, -8(%rbp)
	movl	%eax, -16(%rbp)
	movw	%ax, -24(%rbp)
	movb	%al, -32(%rbp)
	movq	-8(%rbp), %rdx
	movl	-16(%rbp), %edx
	movzbl	-32(%rbp), %edx
	movzwl	-24(%rbp), %edx
	movsbl	-32(%rbp), %edx
	movsbq	-32(%rbp), %rdx
	movswl	-24(%rbp), %edx
	movslq	-16(%rbp), %rdx
	movzbl	%al, %edx
	movzwl	%ax, %edx
	movsbl	%al, %edx
	movslq	%eax, %rdx
	movq	$1, -8(%rbp)
	movl	$1, -16(%rbp)
	movw	$1, -24(%rbp)
	movb	$1, -32(%rbp)
	movq	(%rsi, %rcx, 8), %rdx
	movl	4(%rsi, %rcx, 4), %edx
	movzbl	(%rsi, %rcx), %edx
	movq	%rdx, (%rdi, %rcx, 8)
	movb	%dl, 7(%rdi, %rcx)
	movq	%gs, %rdx
	leaq	(%rsi, %rcx, 8), %rdx
	leaq	-1(%rax), %rdx
	leal	(%rax, %rax, 2), %edx
	xchgq	%rdx, %r10
	xchgl	%edx, (%rsi)
	bswapl	%edx
	bswapq	%rdx
	pushq	%rax
	pushq	$5
	pushq	(%rsi)
	popq	%rdx
	popq	%rdx
	popq	(%rdi)
	pushfq
	popq	%rdx
	sahf
	lahf

	/* Conditions and branches. */
	.irp	cc, e, ne, b, ae, be, a, s, ns, l, ge, le, g
	cmpq	%rdx, %rax
	set\cc	%dl
	testl	%eax, %eax
	cmov\cc\()q %rax, %r10
	cmov\cc\()l 8(%rsi), %r11d
	testb	$1, (%rsi)
	j\cc	1f
	nop
1:	cmpl	$5, 8(%rsi)
	j\cc	1f
	addl	$1, %r11d
1:	testq	%r8, %r8
	set\cc	-40(%rbp)
	testb	%al, %al
	j\cc	1f
	nopw	(%rax)
1:
	.endr

	/* Bits and locked operations. */
	movl	$9, %eax
	btq	%rcx, %rax
	btl	$3, %eax
	btsl	$4, %eax
	btrq	$5, (%rsi)
	btcl	$6, %eax
	lock btsl $7, (%rsi)
	lock btrl $7, (%rsi)
	bsfq	%rax, %rdx
	bsrl	%eax, %edx
	rep bsfl %eax, %edx
	popcntq	%rax, %rdx
	lock addl $1, (%rsi)
	lock subq $1, 8(%rsi)
	lock incl 16(%rsi)
	lock decl 16(%rsi)
	lock orb $1, 24(%rsi)
	lock andl $-2, 24(%rsi)
	lock xaddl %edx, 32(%rsi)
	movq	40(%rsi), %rax
	lock cmpxchgq %r10, 40(%rsi)
	movl	48(%rsi), %eax
	cmpxchgl %r11d, 48(%rsi)
	pause
	lfence
	mfence
	prefetcht0 (%rsi)

	/* Strings. */
	pushq	%rsi
	pushq	%rdi
	movl	$40, %ecx
	rep movsb
	movl	$9, %ecx
	rep movsq
	movl	$9, %ecx
	rep stosl
	movl	$33, %ecx
	xorl	%eax, %eax
	rep stosb
	movsb
	movsq
	lodsb
	stosb
	popq	%rdi
	popq	%rsi
	pushq	%rsi
	pushq	%rdi
	movl	$9, %ecx
	repe cmpsb
	movl	$9, %ecx
	repne scasb
	popq	%rdi
	popq	%rsi

	/* SSE, as memory is copied and floating point is done. */
	movdqu	(%rsi), %xmm0
	movdqa	%xmm0, %xmm1
	pxor	%xmm1, %xmm0
	movups	%xmm0, (%rdi)
	movq	%rax, %xmm2
	movq	%xmm2, %rdx
	movd	%xmm2, %edx
	punpcklqdq %xmm2, %xmm2
	pcmpeqb	%xmm1, %xmm0
	pmovmskb %xmm0, %edx
	pshufd	$0, %xmm0, %xmm3
	por	%xmm1, %xmm0
	pand	%xmm1, %xmm0
	cvtsi2sdq %rax, %xmm4
	addsd	%xmm4, %xmm4
	mulsd	%xmm4, %xmm4
	cvttsd2siq %xmm4, %rdx

	/* Loops and calls; an indirect jump as from a switch. */
	movl	$20, %ecx
1:	movzbl	(%rsi, %rcx), %eax
	addl	%eax, %edx
	rorl	$1, %edx
	decl	%ecx
	jnz	1b
	call	3f
	leaq	3f(%rip), %rdx
	call	*%rdx
	pushq	%rdx
	call	*(%rsp)
	popq	%rdx
	leaq	4f(%rip), %rax
	jmp	*%rax
	ud2
3:	endbr64
	movq	%rdi, %rax
	ret
4:	movq	%rbp, %rsp
	popq	%rbp
	ret
	.balign	8
work_end:

text:	.asciz	"HB 12345 boot=01234567-89ab-cdef-0123-456789abcdef up=12345678901\r\n"

	.balign	16
own:
own_kernel_stack:
kernel_stack:	.quad	0
own_user_stack:	.quad	0
own_ticks:	.quad	0

	.balign	16
fpu:	.fill	512, 1, 0

	.balign	8
gdt:	.quad	0, 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF
	.quad	0, 0x00CFF3000000FFFF, 0x00AFFB000000FFFF
	.quad	0x0000890000000067, 0
gdt_end:
tss:	.fill	104, 1, 0
gdt_register:
	.word	gdt_end - gdt - 1
	.quad	gdt
idt_register:
	.word	4095
	.quad	IDT

	.section .note.GNU-stack,"",@progbits
