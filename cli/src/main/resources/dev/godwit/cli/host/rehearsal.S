/*
 * The guest of a rehearsal: does, in a loop, a little of everything that a kernel and its programs do
 * on a quiet system, so that a process's CPU has decoded and executed it before a real guest comes.
 *
 * Entered in 64-bit mode at 0x100000, where it lies, with the first 4 GiB mapped to themselves. Uses RAM
 * up to 20 MiB. rehearsal.bin is this file, assembled:
 *
 *   gcc -nostdlib -static -Wl,-Ttext=0x100000,--build-id=none,-N,--no-warn-rwx-segments -o rehearsal.elf rehearsal.S
 *   objcopy -O binary rehearsal.elf rehearsal.bin
 */
	.equ	STACK, 0x180000
	.equ	USER_STACK, 0x190000
	.equ	DATA, 0x1A0000		/* what work reads and writes; two pages */
	.equ	TEXTS, 0x1B0000		/* what strings are made of */
	.equ	LONG_TEXTS, 0x1C0000
	.equ	LONG_COPIES, 0x1E0000
	.equ	PML4, 0x200000
	.equ	PDPT, 0x201000
	.equ	PD, 0x202000
	.equ	PT, 0x203000		/* of the 2 MiB from LAZY on */
	.equ	PD_DEVICES, 0x204000
	.equ	IDT, 0x205000
	.equ	PT_LOW, 0x206000	/* of the first 2 MiB */
	.equ	TABLES_END, 0x207000
	.equ	COPIES, 0x400000	/* where copies of work are executed */
	.equ	COPIES_END, 0x420000
	.equ	COPY_BYTES, 0x9A8	/* so that most cross into another page, each elsewhere */
	.equ	LAZY, 0x600000		/* mapped when it is touched */
	.equ	LAZY_PAGES, 20
	.equ	ALIAS, 0x40000000	/* where a page of 1 GiB maps RAM a second time */

	.equ	UPPER, 0x800000
	.equ	UPPER_END, 0x1000000
	.equ	FAR_UP, 0x1300000	/* dirty, too, with clean pages before it */

	.equ	APIC, 0xFEE00000
	.equ	IO_APIC, 0xFEC00000
	.equ	TIMER, 0x40
	.equ	SERIAL, 0x41
	.equ	NESTED, 0x52		/* comes in the middle of others */
	.equ	COM1, 0x3F8
	.equ	COM1_PIN, 4
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
	movl	$0xC0000080, %ecx	/* EFER: SYSCALL, no-execute */
	rdmsr
	orl	$0x801, %eax
	wrmsr
	call	make_tables
	call	make_traps
	call	make_apic
	call	make_serial
	sti

	movq	$COPIES, %r15
loop:
	/* The upper half of RAM becomes dirty. */
	movq	$UPPER, %rdi
1:	incq	(%rdi)
	addq	$0x1000, %rdi
	cmpq	$UPPER_END, %rdi
	jb	1b
	incq	FAR_UP

	/* New code, decoded and run; the second time round, code that is overwritten. */
	leaq	work(%rip), %rsi
	movq	%r15, %rdi
	movl	$(work_end - work + 7) / 8, %ecx
	rep movsq
	movl	$DATA, %ebx
	call	*%r15
	call	*%r15
	addq	$COPY_BYTES, %r15
	cmpq	$COPIES_END, %r15
	jb	1f
	movq	$COPIES, %r15
1:
	incq	turn(%rip)
	call	forms
	call	touch
	call	privileged
	call	forget

	/* A program and its system calls. */
	movl	$60000, %eax
	call	arm
	movq	%rsp, kernel_stack(%rip)
	leaq	user(%rip), %rcx
	movl	$0x202, %r11d
	movq	$USER_STACK, %rsp
	swapgs
	sysretq
back:
	call	forget
	leaq	text(%rip), %rsi
	call	print
	call	print_by_interrupts

	/* Sleeps until the timer comes. */
	cli
	movl	$200000, %eax
	call	arm
	sti
	hlt
	jmp	loop

/* Makes the timer come after EAX cycles. */
arm:
	movl	%eax, %esi
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	addq	%rsi, %rax
	movq	%rax, %rdx
	shrq	$32, %rdx
	movl	$0x6E0, %ecx
	wrmsr
	ret

/* Unmaps the pages that were mapped when they were touched. */
forget:
	movl	$LAZY_PAGES, %ecx
	movq	$PT, %rsi
	movq	$LAZY, %rdi
1:	movq	$0, (%rsi)
	invlpg	(%rdi)
	addq	$8, %rsi
	addq	$0x1000, %rdi
	loop	1b
	ret

/*
 * Page and descriptor tables; everything may be used by programs. The first 2 MiB are small pages, from DATA on
 * not to be executed; every second one and every second large one is global.
 */
make_tables:
	movq	$PML4, %rdi
	xorl	%eax, %eax
	movl	$(TABLES_END - PML4) / 8, %ecx
	rep stosq
	movq	$PDPT + 7, PML4
	movq	$PD + 7, PDPT
	movq	$PD_DEVICES + 7, PDPT + 3 * 8
	movq	$0x87, PDPT + (ALIAS >> 30) * 8
	movq	$PD, %rdi
	movq	$0x87, %rax
1:	movq	%rax, (%rdi)
	xorq	$0x100, %rax
	addq	$8, %rdi
	addq	$0x200000, %rax
	cmpq	$0x40000087, %rax
	jne	1b
	movq	$PT_LOW + 7, PD
	movq	$PT + 7, PD + (LAZY >> 21) * 8
	movq	$PT_LOW, %rdi
	movq	$7, %rax
1:	movq	%rax, (%rdi)
	xorq	$0x100, %rax
	addq	$8, %rdi
	addq	$0x1000, %rax
	cmpq	$DATA, %rax
	jb	1b
	movabsq	$1 << 63, %rdx
	orq	%rdx, %rax
1:	movq	%rax, (%rdi)
	addq	$8, %rdi
	addq	$0x1000, %rax
	cmpq	$PT_LOW + 512 * 8, %rdi
	jb	1b
	movl	$APIC + 0x93, %eax
	movq	%rax, PD_DEVICES + ((APIC - 0xC0000000) >> 21) * 8
	movl	$IO_APIC + 0x93, %eax
	movq	%rax, PD_DEVICES + ((IO_APIC - 0xC0000000) >> 21) * 8
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
	leaq	serial(%rip), %rdx
	cmpl	$SERIAL, %ebx
	cmoveq	%rdx, %rax
	leaq	nested(%rip), %rdx
	cmpl	$NESTED, %ebx
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
	movl	$-1, 0xE0(%rdi)		/* logical destinations: flat, this one is bit 0 */
	movl	$1 << 24, 0xD0(%rdi)
	movl	$0x40000 | TIMER, 0x320(%rdi)	/* by TSC deadline */
	mfence
	ret

make_serial:
	movl	$COM1 + 2, %edx
	movb	$0x81, %al		/* FIFOs */
	outb	%al, %dx
	movl	$COM1 + 4, %edx
	movb	$0x0B, %al		/* DTR, RTS, OUT2 */
	outb	%al, %dx
	movl	$COM1 + 1, %edx
	movb	$0x0D, %al		/* all interrupts but that of an empty transmitter */
	outb	%al, %dx
	movl	$SERIAL, %eax

/* Writes EAX to the I/O APIC's pin of the serial line; every second turn the destination is a logical one. */
route_serial:
	movl	$IO_APIC, %edi
	xorl	%edx, %edx
	testb	$1, turn(%rip)
	jz	1f
	orl	$0x800, %eax
	movl	$1 << 24, %edx
1:	movl	$0x11 + 2 * COM1_PIN, (%rdi)
	movl	%edx, 0x10(%rdi)
	movl	$0x10 + 2 * COM1_PIN, (%rdi)
	movl	%eax, 0x10(%rdi)
	movl	0x10(%rdi), %eax
	ret

	/* Interrupts and exceptions; above RIP there may be an error code. */
	.macro	save_all code=0
	testb	$3, 8 + \code(%rsp)
	jz	1f
	swapgs
1:	.irp	reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	pushq	%\reg
	.endr
	.endm
	.macro	restore_all code=0
	.irp	reg, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
	popq	%\reg
	.endr
	testb	$3, 8 + \code(%rsp)
	jz	1f
	swapgs
1:	.if	\code
	addq	$\code, %rsp
	.endif
	.endm

tick:
	save_all
	lock incq %gs:own_ticks - own
	movl	$APIC, %edi
	movl	$0, 0x310(%rdi)
	movl	$0x40000 | NESTED, 0x300(%rdi)	/* to itself */
	sti
	nop
	cli
	movl	$0, 0xB0(%rdi)
	restore_all
	iretq

nested:
	save_all
	incq	%gs:own_ticks - own
	movl	$APIC, %edi
	movl	0x80(%rdi), %eax
	movl	%eax, 0x80(%rdi)
	movl	$0, 0xB0(%rdi)
	restore_all
	iretq

/* Sends what there is to send, up to 16 characters at a time. */
serial:
	save_all
2:	movl	$COM1 + 2, %edx
	inb	%dx, %al
	testb	$1, %al
	jnz	6f
	movl	$COM1 + 5, %edx
	inb	%dx, %al
	testb	$0x1F, %al
	jz	3f
	movl	$COM1, %edx		/* something came, which is of no interest */
	inb	%dx, %al
3:	movl	$COM1 + 6, %edx
	inb	%dx, %al
	movq	to_send(%rip), %rsi
	testq	%rsi, %rsi
	jz	6f
	movl	$16, %ecx
	movl	$COM1, %edx
4:	lodsb
	testb	%al, %al
	jz	5f
	outb	%al, %dx
	decl	%ecx
	jnz	4b
	movq	%rsi, to_send(%rip)
	jmp	2b
5:	movq	$0, to_send(%rip)
	movl	$COM1 + 1, %edx
	movb	$0x0D, %al
	outb	%al, %dx
	jmp	2b
6:	movl	$APIC, %edi
	movl	$0, 0xB0(%rdi)
	restore_all
	iretq

/* Maps a page: for reading, if that is wanted; one that is mapped may be written from then on. */
page_fault:
	save_all 8
	movq	%cr2, %rax
	movq	%rax, %rdx
	subq	$LAZY, %rdx
	cmpq	$LAZY_PAGES << 12, %rdx
	jae	broken
	shrq	$12, %rdx
	leaq	PT(, %rdx, 8), %rsi
	testb	$1, (%rsi)
	jnz	2f
	andq	$-4096, %rax
	orq	$5, %rax
	testb	$2, 15 * 8(%rsp)
	jz	3f
	orq	$2, %rax
	testl	$0x1000, %eax		/* some have been accessed and are dirty, as in Linux */
	jz	3f
	orq	$0x60, %rax
3:	movq	%rax, (%rsi)
	jmp	4f
2:	lock orq $2, (%rsi)
	invlpg	(%rax)
4:	restore_all 8
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
	cmpl	$2, %eax
	je	slow_system_call
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

/* A system call as Linux begins and ends it if a signal or a debugger wants to see all registers. */
slow_system_call:
	pushq	$USER_BASE + 8 | 3
	pushq	%gs:own_user_stack - own
	pushq	%r11
	pushq	$USER_BASE + 16 | 3
	pushq	%rcx
	.irp	reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	pushq	%\reg
	.endr
	sti
	call	touch
	cli
	.irp	reg, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
	popq	%\reg
	.endr
	swapgs
	iretq

/* In user mode. */
user:
	movl	$DATA, %ebx
	call	work
	movl	$1, %eax
	leaq	text(%rip), %rdi
	syscall
	call	forms
	call	touch
	movl	$2, %eax
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

/* The same by interrupts. */
print_by_interrupts:
	movl	$0x10000 | SERIAL, %eax	/* masked for a moment */
	call	route_serial
	movl	$SERIAL, %eax
	call	route_serial
	leaq	text(%rip), %rsi
	movq	%rsi, to_send(%rip)
	movl	$COM1 + 1, %edx
	movb	$0x0F, %al
	outb	%al, %dx
1:	cli
	cmpq	$0, to_send(%rip)
	je	2f
	sti
	hlt
	jmp	1b
2:	sti
	ret

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

	.org	work + COPY_BYTES	/* which fails if work is longer than that */

/*
 * What work has not: each operation in the forms that are rarer, with operands and flags that change from turn to
 * turn, so that every branch of what executes them is taken. RBX: the data.
 */
forms:
	pushq	%rbp
	pushq	%r12
	movl	$DATA, %ebx
	leaq	0x880(%rbx), %rsi
	movq	turn(%rip), %r12
	movl	%r12d, %eax
	andl	$7, %eax
	leaq	operands(%rip), %rdx
	movq	(%rdx, %rax, 8), %r8
	movl	%r12d, %eax
	shrl	$3, %eax
	andl	$7, %eax
	movq	(%rdx, %rax, 8), %r9
	leaq	counts(%rip), %rdx
	movl	%r12d, %eax
	andl	$15, %eax
	movzbl	(%rdx, %rax), %ecx

	/* Flags that come from the stack. */
	.irp	flags, 0, 1, 4, 0x10, 0x40, 0x80, 0x800, 0x801, 0x8D5, 0x94
	pushq	$0x202 | \flags
	popfq
	pushfq
	popq	%rdx
	call	conditions
	.endr
	stc
	cmc
	clc
	std
	cld

	/* Arithmetic. */
	.irp	op, add, or, adc, sbb, and, sub, xor, cmp, test
	movq	%r8, %rax
	\op\()q	%r9, %rax
	call	conditions
	\op\()l	%r9d, %eax
	\op\()w	%r9w, %ax
	\op\()b	%r9b, %al
	\op\()b	%ah, %dl
	\op\()b	%dl, %ah
	\op\()b	8(%rsi), %ah
	\op\()q	%r9, (%rsi)
	\op\()l	%r9d, 8(%rsi)
	\op\()w	%r9w, 16(%rsi)
	\op\()b	%r9b, 24(%rsi)
	\op\()b	%ah, 24(%rsi)
	\op\()q	(%rsi), %rax
	\op\()l	8(%rsi), %eax
	\op\()w	16(%rsi), %ax
	\op\()b	24(%rsi), %al
	\op\()q	$-1, %rax
	\op\()l	$-1, %eax
	\op\()w	$-1, %ax
	\op\()w	$0x1234, %dx
	\op\()b	$-1, %al
	\op\()b	$1, %r9b
	\op\()b	$1, %ah
	\op\()q	$0x12345, (%rsi)
	\op\()l	$0x12345, 8(%rsi)
	\op\()w	$0x1234, 16(%rsi)
	\op\()b	$0x12, 24(%rsi)
	\op\()q	$-2, %r8
	movq	%r8, %rdx
	\op\()q	%rdx, %rdx
	.endr
	movq	(%rbx), %r8
	.irp	op, inc, dec, neg, not
	movq	%r9, %rax
	\op\()q	%rax
	\op\()l	%eax
	\op\()w	%ax
	\op\()b	%al
	\op\()b	%ah
	\op\()q	(%rsi)
	\op\()l	8(%rsi)
	\op\()w	16(%rsi)
	\op\()b	24(%rsi)
	lock \op\()q (%rsi)
	lock \op\()l 8(%rsi)
	lock \op\()w 16(%rsi)
	lock \op\()b 24(%rsi)
	.endr
	.irp	op, add, or, adc, sbb, and, sub, xor
	lock \op\()q %r9, (%rsi)
	lock \op\()l %r9d, 8(%rsi)
	lock \op\()w %r9w, 16(%rsi)
	lock \op\()b %r9b, 24(%rsi)
	lock \op\()q $5, (%rsi)
	lock \op\()l $0x12345, 8(%rsi)
	.endr
	.irp	op, rol, ror, rcl, rcr, shl, shr, sar
	movq	%r9, %rax
	\op\()q	%cl, %rax
	call	conditions
	.irp	count, $1, $0, $33, %cl
	movq	%r9, %rax
	\op\()q	\count, %rax
	\op\()l	\count, %eax
	\op\()w	\count, %ax
	\op\()b	\count, %al
	\op\()b	\count, %ah
	\op\()q	\count, (%rsi)
	\op\()l	\count, 8(%rsi)
	\op\()w	\count, 16(%rsi)
	\op\()b	\count, 24(%rsi)
	.endr
	.endr
	.irp	op, shld, shrd
	.irp	count, $1, $9, $0, %cl
	\op\()q	\count, %r9, %rax
	\op\()l	\count, %r9d, %eax
	\op\()w	\count, %r9w, %ax
	\op\()q	\count, %r9, (%rsi)
	\op\()l	\count, %r9d, 8(%rsi)
	\op\()w	\count, %r9w, 16(%rsi)
	.endr
	.endr

	/* Multiplication and division. */
	.irp	op, mul, imul
	movq	%r8, %rax
	\op\()q	%r9
	call	conditions
	\op\()l	%r9d
	\op\()w	%r9w
	\op\()b	%r9b
	\op\()q	(%rsi)
	\op\()l	8(%rsi)
	\op\()w	16(%rsi)
	\op\()b	24(%rsi)
	.endr
	imulq	%r9, %rax
	imulq	(%rsi), %rax
	imull	%r9d, %eax
	imull	8(%rsi), %eax
	imulw	%r9w, %ax
	imulw	16(%rsi), %ax
	imulq	$100, %r9, %rax
	imulq	$0x12345, (%rsi), %rax
	imull	$100, %r9d, %eax
	imull	$0x12345, 8(%rsi), %eax
	imulw	$100, 16(%rsi), %ax
	movq	$77, 32(%rsi)
	movl	$77, %r10d
	.irp	sign, , i
	.irp	value, 1000, 0, 76
	movl	$\value, %eax
	xorl	%edx, %edx
	\sign\()divq %r10
	xorl	%edx, %edx
	\sign\()divl %r10d
	xorl	%edx, %edx
	\sign\()divw %r10w
	movl	$\value, %eax
	\sign\()divb %r10b
	xorl	%edx, %edx
	\sign\()divq 32(%rsi)
	xorl	%edx, %edx
	\sign\()divl 32(%rsi)
	xorl	%edx, %edx
	\sign\()divw 32(%rsi)
	movl	$\value, %eax
	\sign\()divb 32(%rsi)
	.endr
	.endr
	movq	$-1000, %rax
	cqto
	idivq	%r10
	movl	$-1000, %eax
	cltd
	idivl	%r10d
	movl	$5, %edx		/* beyond 64 bits */
	divq	%r10
	movq	%r9, %rax
	cbtw
	cwtl
	cltq
	cwtd
	cltd
	cqto

	/* Bits. */
	.irp	op, bt, bts, btr, btc
	\op\()q	%rcx, %rax
	\op\()l	%ecx, %eax
	\op\()w	%cx, %ax
	\op\()q	$35, %rax
	\op\()l	$3, %eax
	\op\()w	$3, %ax
	\op\()q	$35, (%rsi)
	\op\()l	$3, 8(%rsi)
	\op\()w	$3, 16(%rsi)
	\op\()q	%rcx, (%rsi)
	\op\()l	%ecx, (%rsi)
	\op\()w	%cx, (%rsi)
	.endr
	movq	$-100, %rdx
	btq	%rdx, (%rsi)
	btsl	%edx, (%rsi)
	.irp	op, bts, btr, btc
	lock \op\()q $35, (%rsi)
	lock \op\()l $3, 8(%rsi)
	lock \op\()q %rcx, (%rsi)
	lock \op\()l %ecx, (%rsi)
	.endr
	movq	$0, 32(%rsi)
	.irp	op, bsf, bsr, tzcnt, lzcnt, popcnt
	\op	%r9, %rax
	\op	%r9d, %eax
	\op	%r9w, %ax
	\op	(%rsi), %rax
	\op	8(%rsi), %eax
	\op	16(%rsi), %ax
	\op	32(%rsi), %rax
	.endr

	/* Exchanges. */
	.irp	lock, , lock
	.irp	value, %r8, %r9
	movq	\value, %rax
	\lock	cmpxchgq %r10, (%rsi)
	\lock	cmpxchgl %r10d, 8(%rsi)
	\lock	cmpxchgw %r10w, 16(%rsi)
	\lock	cmpxchgb %r10b, 24(%rsi)
	movq	(%rsi), %rax
	\lock	cmpxchgq %r10, (%rsi)
	movl	8(%rsi), %eax
	\lock	cmpxchgl %r10d, 8(%rsi)
	movb	24(%rsi), %al
	\lock	cmpxchgb %r10b, 24(%rsi)
	.endr
	movq	%r9, %r10
	\lock	xaddq %r10, (%rsi)
	\lock	xaddl %r10d, 8(%rsi)
	\lock	xaddw %r10w, 16(%rsi)
	\lock	xaddb %r10b, 24(%rsi)
	pushq	%rcx
	pushq	%rbx
	\lock	cmpxchg8b (%rsi)
	\lock	cmpxchg16b (%rsi)
	movq	(%rsi), %rax
	movq	8(%rsi), %rdx
	incq	%rbx
	\lock	cmpxchg16b (%rsi)
	popq	%rbx
	popq	%rcx
	.endr
	cmpxchgq %r10, %rdx
	cmpxchgl %r10d, %edx
	xaddq	%r10, %rdx
	xchgq	%r10, (%rsi)
	xchgl	%r10d, 8(%rsi)
	xchgw	%r10w, 16(%rsi)
	xchgb	%r10b, 24(%rsi)
	xchgb	%al, %dl
	xchgb	%ah, %dl
	xchgl	%eax, %edx
	xchgw	%ax, %dx

	/* Moves. */
	movb	%ah, %dl
	movb	%dl, %ah
	movb	%ah, (%rsi)
	movb	(%rsi), %ah
	movb	$5, %ah
	movb	$5, %r9b
	movb	(%rsi), %r9b
	movb	%r9b, (%rsi)
	movw	%r9w, %ax
	movw	$5, %ax
	movw	(%rsi), %ax
	movzbw	%al, %dx
	movzbw	(%rsi), %dx
	movsbw	%al, %dx
	movsbw	(%rsi), %dx
	movzbl	%ah, %edx
	movsbl	%ah, %edx
	movzbq	(%rsi), %rdx
	movzwq	(%rsi), %rdx
	movswq	(%rsi), %rdx
	movswq	%ax, %rdx
	movsbq	%al, %rdx
	movslq	(%rsi), %rdx
	movq	$-5, %rdx
	movnti	%rax, (%rsi)
	movnti	%eax, (%rsi)
	movabsq	DATA, %rax
	movabsq	%rax, DATA + 0x600
	movabsb	DATA, %al
	leaw	4(%rsi), %dx
	leal	(, %rax, 8), %edx
	leaq	(%rsi, %r9, 2), %rdx
	movl	0x10(, %rbx, 1), %edx
	movl	(%esi), %edx
	pushw	%ax
	popw	%dx
	pushq	$0x12345
	popq	(%rsi)
	pushq	8(%rsp)
	popq	%rdx
	enter	$32, $0
	leave
	pushq	%rbx
	leaq	operands(%rip), %rbx
	movl	$7, %eax
	xlatb
	popq	%rbx
	movq	0xFFC(%rbx), %rax	/* across pages */
	movq	%rax, 0xFFD(%rbx)
	movl	0xFFE(%rbx), %eax
	addl	%eax, 0xFFE(%rbx)
	movw	0xFFF(%rbx), %ax
	movw	%ax, 0xFFF(%rbx)
	lahf
	sahf

	/* Branches: loops, and where a table says. */
	movl	$3, %ecx
1:	cmpl	$1, %ecx
	loope	1b
	movl	$3, %ecx
1:	testl	%ecx, %ecx
	loopne	1b
	jrcxz	2f
	jecxz	2f
2:	movl	$20, %ebp
3:	leal	(%rbp, %r12), %eax
	andl	$7, %eax
	leaq	places(%rip), %rdx
	movslq	(%rdx, %rax, 4), %rax
	addq	%rdx, %rax
	jmp	*%rax
	.irp	place, 0, 1, 2, 3, 4, 5, 6, 7
place\place:
	addl	$\place, %r10d
	jmp	4f
	.endr
4:	leal	(%rbp, %r12), %eax
	andl	$3, %eax
	leaq	targets(%rip), %rdx
	movslq	(%rdx, %rax, 4), %rax
	addq	%rdx, %rax
	movq	%rax, (%rsi)
	call	*(%rsi)
	decl	%ebp
	jnz	3b

	movl	$ALIAS + target0, %eax	/* the same code elsewhere, which displaces its translation */
	call	*%rax
	movl	$target0, %eax
	call	*%rax

	/* What a processor is, and when. */
	pushq	%rbx
	.irp	leaf, 0, 1, 7, 0x80000001
	movl	$\leaf, %eax
	xorl	%ecx, %ecx
	cpuid
	.endr
	popq	%rbx
	rdtsc
	rdtscp
	lfence
	mfence
	sfence

	call	strings
	call	vectors
	popq	%r12
	popq	%rbp
	ret

	.irp	target, 0, 1, 2, 3
target\target:
	endbr64
	addl	$\target, %r10d
	ret	$0
	.endr

/* Every condition, of the flags as they are, which stay. */
conditions:
	.irp	cc, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
	set\cc	%dl
	set\cc	%dh
	set\cc	0x700(%rbx)
	cmov\cc\()q %r8, %r10
	cmov\cc\()l %r8d, %r10d
	cmov\cc\()l 0x700(%rbx), %r11d
	j\cc	1f
	nop
1:
	.endr
	ret

/* Strings of all lengths, up and down, over one another, across pages. R12: the turn. */
strings:
	leaq	lengths(%rip), %rdx
	movl	%r12d, %eax
	andl	$15, %eax
	movl	(%rdx, %rax, 4), %r10d
	imull	$37, %r12d, %eax
	andl	$0xFFF, %eax
	leaq	TEXTS(%rax), %r8
	imull	$61, %r12d, %eax
	andl	$0xFF8, %eax
	leaq	TEXTS + 0x8000(%rax), %r9
	.irp	size, b, w, l, q
	.irp	distance, 0, 1, 8, -1, -8
	.irp	direction, cld, std
	\direction
	movq	%r8, %rsi
	leaq	\distance(%r8), %rdi
	.if	\distance == 0
	movq	%r9, %rdi
	.endif
	movl	%r10d, %ecx
	rep movs\size
	.endr
	.endr
	movq	%r9, %rsi
	movq	%r8, %rdi
	movl	%r10d, %ecx
	rep movs\size
	cld
	movq	%r9, %rsi
	movq	%r8, %rdi
	movl	%r10d, %ecx
	rep movs\size
	movq	%r9, %rdi
	movl	%r10d, %ecx
	xorl	%eax, %eax
	rep stos\size
	movq	%r8, %rdi
	movl	%r10d, %ecx
	movl	$0x12345678, %eax
	rep stos\size
	std
	movl	%r10d, %ecx
	rep stos\size
	cld
	movs\size
	movq	%r8, %rsi
	movq	%r9, %rdi
	lods\size
	stos\size
	scas\size
	cmps\size
	movl	%r10d, %ecx
	andl	$63, %ecx
	movl	%ecx, %edx
	repe cmps\size
	movl	%edx, %ecx
	movq	%r9, %rdi
	repne scas\size
	movl	%edx, %ecx
	movq	%r9, %rdi
	repe scas\size
	.endr
	/* A page, and much more. */
	movl	$512, %ecx
	movl	$LONG_TEXTS, %edi
	xorl	%eax, %eax
	rep stosq
	movl	$512, %ecx
	movl	$LONG_TEXTS, %esi
	movl	$LONG_COPIES, %edi
	rep movsq
	movl	$9000, %ecx
	movl	$LONG_TEXTS + 3, %esi
	movl	$LONG_COPIES + 9, %edi
	rep movsb
	ret

/* SSE and x87, as a C library does strings and floating point. */
vectors:
	leaq	0xC00(%rbx), %rsi
	.irp	op, movdqu, movdqa, movups, movaps, movupd, movapd
	\op	(%rsi), %xmm0
	\op	%xmm0, %xmm1
	\op	%xmm1, 16(%rsi)
	.endr
	lddqu	(%rsi), %xmm2
	.irp	op, movq, movd, movss, movsd
	\op	(%rsi), %xmm2
	\op	%xmm2, 32(%rsi)
	.endr
	movq	%xmm2, %xmm3
	movss	%xmm2, %xmm3
	movsd	%xmm2, %xmm3
	movq	%r8, %xmm9
	movq	%xmm9, %r8
	movd	%r8d, %xmm3
	movd	%xmm3, %eax
	movhps	(%rsi), %xmm3
	movlps	(%rsi), %xmm3
	movhps	%xmm3, 32(%rsi)
	movlps	%xmm3, 32(%rsi)
	movhpd	(%rsi), %xmm3
	movlpd	(%rsi), %xmm3
	movhlps	%xmm2, %xmm3
	movlhps	%xmm2, %xmm3
	movntdq	%xmm3, 32(%rsi)
	.irp	op, pxor, por, pand, pandn, pcmpeqb, pcmpeqw, pcmpeqd, pcmpgtb, pcmpgtd, paddb, paddw, paddd, paddq
	\op	%xmm1, %xmm0
	\op	(%rsi), %xmm0
	.endr
	.irp	op, psubb, psubw, psubd, psubq, pminub, pmaxub, pminsw, pmaxsw, pmuludq, pmulld, pmullw, pmaddwd, psadbw, pavgb
	\op	%xmm1, %xmm0
	\op	(%rsi), %xmm0
	.endr
	.irp	op, punpcklbw, punpcklwd, punpckldq, punpcklqdq, punpckhbw, punpckhwd, punpckhdq, punpckhqdq, packuswb, packssdw
	\op	%xmm1, %xmm0
	\op	(%rsi), %xmm0
	.endr
	.irp	op, pshufb, phaddd, pabsd, pmovzxbw, pmovzxwd, pmovsxbw, pmulhrsw, pminud, pmaxsd, ptest, pcmpgtq
	\op	%xmm1, %xmm0
	.ifnc	\op, pmovzxbw
	\op	(%rsi), %xmm0
	.endif
	.endr
	.irp	op, psllw, pslld, psllq, psrlw, psrld, psrlq, psraw, psrad
	\op	$5, %xmm0
	\op	%xmm1, %xmm0
	.endr
	pslldq	$3, %xmm0
	psrldq	$3, %xmm0
	palignr	$3, %xmm1, %xmm0
	pshufd	$0x4E, %xmm0, %xmm1
	pshufd	$0x4E, (%rsi), %xmm1
	pshuflw	$0x4E, %xmm0, %xmm1
	pshufhw	$0x4E, %xmm0, %xmm1
	shufps	$0x4E, %xmm0, %xmm1
	shufpd	$1, %xmm0, %xmm1
	pmovmskb %xmm0, %eax
	movmskps %xmm0, %eax
	movmskpd %xmm0, %eax
	pextrw	$3, %xmm0, %eax
	pinsrw	$3, %eax, %xmm0
	pextrd	$1, %xmm0, %eax
	pinsrq	$1, %rax, %xmm0
	pcmpistri $0x1A, %xmm1, %xmm0
	crc32q	%rax, %rdx
	movl	$7, %eax
	cvtsi2sdl %eax, %xmm4
	cvtsi2sdq %rax, %xmm4
	cvtsi2ssl %eax, %xmm5
	movapd	%xmm4, %xmm6
	movaps	%xmm5, %xmm7
	.irp	op, add, sub, mul, div, min, max, sqrt
	\op\()sd %xmm6, %xmm4
	\op\()ss %xmm7, %xmm5
	\op\()pd %xmm6, %xmm4
	.endr
	.irp	op, and, andn, or, xor
	\op\()pd %xmm6, %xmm4
	\op\()ps %xmm6, %xmm4
	.endr
	ucomisd	%xmm6, %xmm4
	comiss	%xmm7, %xmm5
	cmpltsd	%xmm6, %xmm4
	cvtsi2sdl %eax, %xmm4
	cvttsd2si %xmm4, %eax
	cvtsd2si %xmm4, %rax
	cvtsd2ss %xmm4, %xmm5
	cvtss2sd %xmm5, %xmm4
	cvttss2si %xmm5, %eax
	cvtdq2pd %xmm1, %xmm4
	cvtdq2ps %xmm1, %xmm4
	stmxcsr	(%rsi)
	ldmxcsr	(%rsi)
	fninit
	fnstcw	(%rsi)
	fldcw	(%rsi)
	fld1
	fldz
	faddp
	fildq	operands + 8(%rip)
	fmulp
	fstl	(%rsi)
	fldl	(%rsi)
	fucomip	%st(1), %st
	fstpt	(%rsi)
	fnstsw	%ax
	fwait
	movq	%r9, 8(%rsi)
	ret

/* Touches pages that are not there, in all ways: each of them a page fault, some two. */
touch:
	pushq	%rbx
	movl	$LAZY, %ebx
	.equ	lazy, 0
	.macro	next
	addq	$0x1000, %rbx
	.endm
	movq	(%rbx), %rax		/* read, then written */
	movq	%rax, (%rbx)
	next
	addq	(%rbx), %rax
	addq	%rax, (%rbx)
	next
	movb	$1, (%rbx)
	next
	movl	%eax, (%rbx)
	next
	movzbl	(%rbx), %eax
	movb	%al, (%rbx)
	next
	cmpl	$5, (%rbx)
	orl	$5, (%rbx)
	next
	lock xaddl %eax, (%rbx)
	next
	movdqu	(%rbx), %xmm0
	movdqu	%xmm0, 0x100(%rbx)
	next
	movq	0xFFC(%rbx), %rax	/* this one and the next */
	movq	%rax, 0xFFC(%rbx)
	next
	next
	leaq	0xFF0(%rbx), %rsi	/* two from two */
	leaq	0x2FF8(%rbx), %rdi
	movl	$40, %ecx
	rep movsb
	next
	next
	next
	next
	movq	%rbx, %rdi
	xorl	%eax, %eax
	movl	$600, %ecx
	rep stosq
	next
	next
	testb	$3, turn(%rip)		/* code, sometimes new */
	jnz	1f
	movl	$0xC3909090, ALIAS + 0x80(%rbx)
1:	leaq	0x80(%rbx), %rax
	call	*%rax
	next
	testb	$1, turn(%rip)
	jz	1f
	leaq	-DATA(%rbx), %rax	/* where FS is, after the first turn */
	movq	%fs:(%rax), %rdx
1:	popq	%rbx
	ret

/* What only a kernel does. */
privileged:
	movl	$DATA, %ebx

	/* Data of its own processor. */
	movq	%gs:own_any - own, %rax
	movq	%rax, %gs:own_any - own
	movl	%gs:own_any - own, %eax
	movl	$5, %gs:own_any - own
	movzbl	%gs:own_any - own, %eax
	addq	%gs:own_any - own, %rax
	cmpq	%gs:own_any - own, %rax
	addq	$1, %gs:own_any - own
	incl	%gs:own_any - own
	decl	%gs:own_any - own
	andl	$-2, %gs:own_any - own
	cmpl	$5, %gs:own_any - own
	testb	$1, %gs:own_any - own
	xaddl	%eax, %gs:own_any - own
	xchgq	%rax, %gs:own_any - own
	pushq	%gs:own_any - own
	popq	%gs:own_any - own
	movq	%gs:own_any - own, %rax
	cmpxchgq %rdx, %gs:own_any - own
	leaq	own_any(%rip), %rsi
	leaq	own(%rip), %rdi
	subq	%rdi, %rsi
	movl	%gs:(%rsi), %eax
	movq	%gs:8(%rsi), %rdx
	movq	%gs:(%rsi), %rax
	pushq	%rbx
	cmpxchg16b %gs:(%rsi)
	popq	%rbx

	/* Flags. */
	.irp	times, 1, 2, 3
	pushfq
	cli
	popq	%rax
	testl	$0x200, %eax
	jz	1f
	sti
1:	pushfq
	popq	%rax
	cli
	pushq	%rax
	popfq
	.endr
	sti
	sti

	/* Control registers; the translations go, also those of pages that are dirty already. */
	movq	%cr3, %rax
	movq	%rax, %cr3
	movq	%cr4, %rax
	movq	%rax, %rdx
	testb	$7, turn(%rip)
	jnz	1f
	andq	$~0x80, %rdx
	movq	%rdx, %cr4
	movq	%rax, %cr4
1:	movq	%cr0, %rax
	movq	%rax, %rdx
	orq	$8, %rdx
	movq	%rdx, %cr0
	clts
	movq	%rax, %cr0
	movq	%cr2, %rax
	movq	%cr8, %rax
	movq	%rax, %cr8
	movq	%db7, %rax
	movq	%rax, %db7
	movq	%db6, %rax
	smsw	%ax

	/* Pages whose accessed or dirty bits are to be set. */
	leaq	PT_LOW + (TEXTS >> 12) * 8, %rsi
	movl	$TEXTS, %edi
	movl	$8, %ecx
1:	andq	$~0x60, (%rsi)
	invlpg	(%rdi)
	movq	(%rdi), %rax
	movq	%rax, (%rdi)
	andq	$~0x40, 8(%rsi)
	invlpg	0x1000(%rdi)
	movq	0x1000(%rdi), %rax
	addq	%rax, 0x1000(%rdi)
	btrq	$1, 16(%rsi)
	invlpg	0x2000(%rdi)
	movq	0x2000(%rdi), %rax
	btsq	$1, 16(%rsi)
	invlpg	0x2000(%rdi)
	addq	$24, %rsi
	addq	$0x3000, %rdi
	decl	%ecx
	jnz	1b
	movl	$ALIAS + TEXTS, %edi
	incq	(%rdi)
	movl	$UPPER + 0x123000, %edi
	invlpg	(%rdi)
	incq	(%rdi)

	/* Segments. */
	movl	%ds, %eax
	movw	%es, %dx
	movw	%fs, (%rbx)
	movq	%gs, %rax
	movl	$KERNEL_DATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	xorl	%eax, %eax
	movl	%eax, %fs
	pushq	%fs
	popq	%fs
	str	%ax
	sldt	%ax
	sgdt	(%rbx)
	sidt	(%rbx)

	/* Model-specific registers. */
	.irp	msr, 0x10, 0x1B, 0x3A, 0x3B, 0xFE, 0x174, 0x175, 0x176, 0x277, 0x6E0
	movl	$\msr, %ecx
	rdmsr
	.endr
	.irp	msr, 0xC0000080, 0xC0000081, 0xC0000082, 0xC0000084, 0xC0000100, 0xC0000101, 0xC0000102, 0xC0000103
	movl	$\msr, %ecx
	rdmsr
	.endr
	movl	$0xC0000100, %ecx	/* FS base */
	movl	$DATA, %eax
	xorl	%edx, %edx
	wrmsr
	movq	%fs:0x28, %rax
	movl	%eax, %fs:0x30
	subq	%fs:0x28, %rax
	movl	$0xC0000102, %ecx	/* GS base of programs */
	xorl	%eax, %eax
	wrmsr

	/* Ports: nobody's, and a timer's. */
	outb	%al, $0x80
	inb	$0x61, %al
	movl	$0x408, %edx
	inl	%dx, %eax
	movl	$0x80, %edx
	outw	%ax, %dx
	inw	%dx, %ax
	outl	%eax, %dx

	/* The local APIC. */
	movl	$APIC, %edi
	movl	0x20(%rdi), %eax
	movl	0x30(%rdi), %eax
	movl	0xF0(%rdi), %eax
	movl	$0x40000 | NESTED, 0x300(%rdi)
	movl	0x300(%rdi), %eax
	nop

	/* Floating point of another task. */
	fxsave64 fpu(%rip)
	fxrstor64 fpu(%rip)
	fxsave	fpu(%rip)
	fxrstor	fpu(%rip)
	ret

	.balign	8
operands:
	.quad	0, 1, -1, 0x7FFFFFFFFFFFFFFF, -0x8000000000000000, 0x123456789ABCDEF0, 0x80, 0x7FFFFFFF
counts:	.byte	0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 64
lengths:
	.long	0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 40, 64, 129, 300, 600, 1100
places:	.long	place0 - places, place1 - places, place2 - places, place3 - places
	.long	place4 - places, place5 - places, place6 - places, place7 - places
targets:
	.long	target0 - targets, target1 - targets, target2 - targets, target3 - targets

text:	.asciz	"HB 12345 boot=01234567-89ab-cdef-0123-456789abcdef up=12345678901\r\n"

	.balign	16
own:
own_kernel_stack:
kernel_stack:	.quad	0
own_user_stack:	.quad	0
own_ticks:	.quad	0
	.balign	16
own_any:	.quad	0, 0
to_send:	.quad	0
turn:	.quad	-1

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
