# The case runner: bare-metal code that QEMU and the software CPU both execute.
#
# It starts in real mode at 0:8000h, switches to the mode that the control block asks for, and then
# for every case: copies the case's data to the data windows, loads its registers and jumps to its
# code. Whatever exception ends the code, its handler writes all registers to the case's result.
# RunnerImage.java lays out memory and says what each field means; offsets must agree.
#
# Linked at 8000h. In long mode it runs at HIGH + 8000h and refers to itself relative to RIP only.

.set CONTROL,       0x7000
.set MODE,          0x00
.set CURSOR,        0x08
.set LIMIT,         0x10
.set RESULT,        0x18
.set CR3,           0x20
.set CR4,           0x28
.set EFER,          0x30
.set CR0,           0x38
.set GDTR32,        0x40
.set IDTR32,        0x50
.set GDTR64,        0x60
.set IDTR64,        0x70
.set WINDOWS,       0x80
.set HIGH,          0xA0
.set TASK,          0xA8
.set LOW_PD,        0xB0

.set IN_RFLAGS,     0x80
.set IN_RIP,        0x88
.set IN_CS,         0x90
.set IN_SS,         0x98
.set IN_DATA_SEGS,  0xA0
.set IN_OPTIONS,    0xA8
.set IN_DATA,       0x100
.set IN_FX,         0x200

.set OUT_RFLAGS,    0x80
.set OUT_RIP,       0x88
.set OUT_CS,        0x90
.set OUT_SS,        0x98
.set OUT_DATA_SEGS, 0xA0
.set OUT_VECTOR,    0xA8
.set OUT_ERROR,     0xB0
.set OUT_CR2,       0xB8
.set OUT_DR6,       0xC0
.set OUT_DONE,      0xC8
.set OUT_DATA,      0x100
.set OUT_FX,        0x200

.set RECORD,        1024
.set CODE32,        0x08
.set DATA32,        0x10
.set CODE64,        0x18
.set CODE16,        0x20
.set DATA16,        0x28

.section .text
.globl _start
_start:
    jmp enter
    .balign 16
    # What RunnerImage reads: where the stubs are.
    .long stubs64, stubs32, stubs16, syscall64, stack_top

# ---------------------------------------------------------------- start
.code16
enter:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movb $0xFF, %al
    outb %al, $0x21
    outb %al, $0xA1
    movl $0, %eax
    movl %eax, %cr4
    lgdtl CONTROL + GDTR32
    movl %cr0, %eax
    andl $0x9FFFFFFF, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $CODE32, $protected

.code32
protected:
    movw $DATA32, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw %ax, %fs
    movw %ax, %gs
    movl $stack_top, %esp
    movl CONTROL + CR4, %eax
    movl %eax, %cr4
    cmpl $0, CONTROL + MODE
    je next16
    movl CONTROL + CR3, %eax
    movl %eax, %cr3
    movl $0xC0000080, %ecx
    movl CONTROL + EFER, %eax
    xorl %edx, %edx
    testl %eax, %eax
    jz 1f
    wrmsr
1:  movl CONTROL + CR0, %eax
    movl %eax, %cr0
    cmpl $2, CONTROL + MODE
    je long_mode
    lidtl CONTROL + IDTR32
    lgdtl CONTROL + GDTR32
    ljmpl $CODE32, $2f
2:  movw CONTROL + TASK, %ax
    ltr %ax
    jmp next32

# Ends the run: an exit code by isa-debug-exit.
finish:
    movl $0x21, %eax
    outl %eax, $0xF4
1:  cli
    hlt
    jmp 1b

# ---------------------------------------------------------------- long mode
long_mode:
    ljmpl $CODE64, $1f
.code64
1:  movq CONTROL + HIGH, %rbx
    leaq 2f(%rip), %rax
    addq %rbx, %rax
    jmpq *%rax
2:  lgdt CONTROL + GDTR64
    lidt CONTROL + IDTR64
    leaq stack_top(%rip), %rsp
    movw CONTROL + TASK, %ax
    ltr %ax
    movq CONTROL + LOW_PD, %rdi
    addq %rbx, %rdi
    movq $0, (%rdi)
    movq %cr3, %rax
    movq %rax, %cr3
    # RBX: where the control block is from now on
    leaq CONTROL(%rbx), %rbx
    movq %rbx, control64(%rip)
    movl $0xC0000081, %ecx          # STAR
    movl $0, %eax
    movl $(0x5B << 16 | CODE64), %edx
    wrmsr
    incl %ecx                       # LSTAR
    leaq syscall64(%rip), %rax
    movq %rax, %rdx
    shrq $32, %rdx
    wrmsr
    addl $2, %ecx                   # FMASK
    movl $0x700, %eax
    xorl %edx, %edx
    wrmsr

next64:
    movq control64(%rip), %r8
    movq CURSOR(%r8), %rbx
    cmpq LIMIT(%r8), %rbx
    jae done64
    addq HIGH(%r8), %rbx
    leaq IN_DATA(%rbx), %rsi
    leaq WINDOWS(%r8), %r9
    movl $4, %edx
    cld
1:  movq (%r9), %rdi
    addq HIGH(%r8), %rdi
    movl $8, %ecx
    rep movsq
    addq $8, %r9
    decl %edx
    jnz 1b
    testb $1, IN_OPTIONS(%rbx)
    jz 2f
    fxrstor64 IN_FX(%rbx)
2:  xorl %eax, %eax
    movq %rax, %cr2
    movl $0xFFFF0FF0, %eax
    movq %rax, %dr6
    movw IN_DATA_SEGS(%rbx), %ax
    movw %ax, %ds
    movw IN_DATA_SEGS + 2(%rbx), %ax
    movw %ax, %es
    movw IN_DATA_SEGS + 4(%rbx), %ax
    movw %ax, %fs
    movw IN_DATA_SEGS + 6(%rbx), %ax
    movw %ax, %gs
    leaq stack_top(%rip), %rsp
    pushq IN_SS(%rbx)
    pushq 0x20(%rbx)
    pushq IN_RFLAGS(%rbx)
    pushq IN_CS(%rbx)
    pushq IN_RIP(%rbx)
    movq 0x00(%rbx), %rax
    movq 0x08(%rbx), %rcx
    movq 0x10(%rbx), %rdx
    movq 0x28(%rbx), %rbp
    movq 0x30(%rbx), %rsi
    movq 0x38(%rbx), %rdi
    movq 0x40(%rbx), %r8
    movq 0x48(%rbx), %r9
    movq 0x50(%rbx), %r10
    movq 0x58(%rbx), %r11
    movq 0x60(%rbx), %r12
    movq 0x68(%rbx), %r13
    movq 0x70(%rbx), %r14
    movq 0x78(%rbx), %r15
    movq 0x18(%rbx), %rbx
    iretq

syscall64:
    movq %rsp, saved(%rip)
    leaq stack_top(%rip), %rsp
    pushq $0
    pushq saved(%rip)
    pushq %r11
    pushq $0
    pushq %rcx
    pushq $0
    pushq $0x100

common64:
    pushq %rbx
    pushq %rax
    movq control64(%rip), %rbx
    movq RESULT(%rbx), %rax
    addq HIGH(%rbx), %rax
    movq %rax, %rbx
    popq 0x00(%rbx)
    popq 0x18(%rbx)
    movq %rcx, 0x08(%rbx)
    movq %rdx, 0x10(%rbx)
    movq %rbp, 0x28(%rbx)
    movq %rsi, 0x30(%rbx)
    movq %rdi, 0x38(%rbx)
    movq %r8, 0x40(%rbx)
    movq %r9, 0x48(%rbx)
    movq %r10, 0x50(%rbx)
    movq %r11, 0x58(%rbx)
    movq %r12, 0x60(%rbx)
    movq %r13, 0x68(%rbx)
    movq %r14, 0x70(%rbx)
    movq %r15, 0x78(%rbx)
    popq OUT_VECTOR(%rbx)
    popq OUT_ERROR(%rbx)
    popq OUT_RIP(%rbx)
    popq OUT_CS(%rbx)
    popq OUT_RFLAGS(%rbx)
    popq 0x20(%rbx)
    popq OUT_SS(%rbx)
    movw %ds, OUT_DATA_SEGS(%rbx)
    movw %es, OUT_DATA_SEGS + 2(%rbx)
    movw %fs, OUT_DATA_SEGS + 4(%rbx)
    movw %gs, OUT_DATA_SEGS + 6(%rbx)
    movq %cr2, %rax
    movq %rax, OUT_CR2(%rbx)
    movq %dr6, %rax
    movq %rax, OUT_DR6(%rbx)
    movq control64(%rip), %r8
    movq CURSOR(%r8), %r10
    addq HIGH(%r8), %r10
    cld
    testb $1, IN_OPTIONS(%r10)
    jz 1f
    fxsave64 OUT_FX(%rbx)
1:  leaq OUT_DATA(%rbx), %rdi
    leaq WINDOWS(%r8), %r9
    movl $4, %edx
2:  movq (%r9), %rsi
    addq HIGH(%r8), %rsi
    movl $8, %ecx
    rep movsq
    addq $8, %r9
    decl %edx
    jnz 2b
    movq $1, OUT_DONE(%rbx)
    addq $RECORD, CURSOR(%r8)
    addq $RECORD, RESULT(%r8)
    jmp next64

done64:
    movl $0x21, %eax
    outl %eax, $0xF4
    cli
    hlt

# ---------------------------------------------------------------- 32-bit, paged
.code32
next32:
    movw $DATA32, %ax
    movw %ax, %ds
    movw %ax, %es
    movl CONTROL + CURSOR, %ebx
    cmpl CONTROL + LIMIT, %ebx
    jae finish
    leal IN_DATA(%ebx), %esi
    movl $CONTROL + WINDOWS, %ebp
    movl $4, %edx
    cld
1:  movl (%ebp), %edi
    movl $16, %ecx
    rep movsl
    addl $8, %ebp
    decl %edx
    jnz 1b
    testb $1, IN_OPTIONS(%ebx)
    jz 2f
    fxrstor IN_FX(%ebx)
2:  xorl %eax, %eax
    movl %eax, %cr2
    movl $0xFFFF0FF0, %eax
    movl %eax, %dr6
    movl $stack_top, %esp
    testl $0x20000, IN_RFLAGS(%ebx)
    jz 3f
    # virtual-8086 mode: IRET loads the data segments too
    movzwl IN_DATA_SEGS + 6(%ebx), %eax
    pushl %eax
    movzwl IN_DATA_SEGS + 4(%ebx), %eax
    pushl %eax
    movzwl IN_DATA_SEGS(%ebx), %eax
    pushl %eax
    movzwl IN_DATA_SEGS + 2(%ebx), %eax
    pushl %eax
3:  pushl IN_SS(%ebx)
    pushl 0x20(%ebx)
    pushl IN_RFLAGS(%ebx)
    pushl IN_CS(%ebx)
    pushl IN_RIP(%ebx)
    movl 0x00(%ebx), %eax
    movl 0x08(%ebx), %ecx
    movl 0x10(%ebx), %edx
    movl 0x28(%ebx), %ebp
    movl 0x30(%ebx), %esi
    movl 0x38(%ebx), %edi
    testl $0x20000, IN_RFLAGS(%ebx)
    jnz 4f
    pushl %eax
    movw IN_DATA_SEGS + 2(%ebx), %ax
    movw %ax, %es
    movw IN_DATA_SEGS + 4(%ebx), %ax
    movw %ax, %fs
    movw IN_DATA_SEGS + 6(%ebx), %ax
    movw %ax, %gs
    popl %eax
    pushl IN_DATA_SEGS(%ebx)
    movl 0x18(%ebx), %ebx
    popw %ds
    leal 2(%esp), %esp
    iretl
4:  movl 0x18(%ebx), %ebx
    iretl

common32:
    # stack: vector, error code, EIP, CS, EFLAGS, ESP, SS, and in virtual-8086 mode ES, DS, FS, GS
    pushl %ds
    pushl %eax
    movw $DATA32, %ax
    movw %ax, %ds
    movl %ebx, saved
    movl CONTROL + RESULT, %ebx
    popl 0x00(%ebx)
    popl %eax
    movw %ax, OUT_DATA_SEGS(%ebx)
    movw %es, OUT_DATA_SEGS + 2(%ebx)
    movw %fs, OUT_DATA_SEGS + 4(%ebx)
    movw %gs, OUT_DATA_SEGS + 6(%ebx)
    movw $DATA32, %ax
    movw %ax, %es
    movl %ecx, 0x08(%ebx)
    movl %edx, 0x10(%ebx)
    movl saved, %eax
    movl %eax, 0x18(%ebx)
    movl %ebp, 0x28(%ebx)
    movl %esi, 0x30(%ebx)
    movl %edi, 0x38(%ebx)
    popl OUT_VECTOR(%ebx)
    popl OUT_ERROR(%ebx)
    popl OUT_RIP(%ebx)
    popl OUT_CS(%ebx)
    movw $0, OUT_CS + 2(%ebx)
    popl OUT_RFLAGS(%ebx)
    popl 0x20(%ebx)
    popl OUT_SS(%ebx)
    movw $0, OUT_SS + 2(%ebx)
    testl $0x20000, OUT_RFLAGS(%ebx)
    jz 1f
    popl %eax
    movw %ax, OUT_DATA_SEGS + 2(%ebx)
    popl %eax
    movw %ax, OUT_DATA_SEGS(%ebx)
    popl %eax
    movw %ax, OUT_DATA_SEGS + 4(%ebx)
    popl %eax
    movw %ax, OUT_DATA_SEGS + 6(%ebx)
1:  movl %cr2, %eax
    movl %eax, OUT_CR2(%ebx)
    movl %dr6, %eax
    movl %eax, OUT_DR6(%ebx)

# Real mode comes here too: EBX is the result.
store32:
    movl CONTROL + CURSOR, %eax
    cld
    testb $1, IN_OPTIONS(%eax)
    jz 1f
    fxsave OUT_FX(%ebx)
1:  leal OUT_DATA(%ebx), %edi
    movl $CONTROL + WINDOWS, %ebp
    movl $4, %edx
2:  movl (%ebp), %esi
    movl $16, %ecx
    rep movsl
    addl $8, %ebp
    decl %edx
    jnz 2b
    movl $1, OUT_DONE(%ebx)
    addl $RECORD, CONTROL + CURSOR
    addl $RECORD, CONTROL + RESULT
    cmpl $0, CONTROL + MODE
    je next16
    jmp next32

# ---------------------------------------------------------------- real mode
next16:
    movl CONTROL + CURSOR, %ebx
    cmpl CONTROL + LIMIT, %ebx
    jae finish
    leal IN_DATA(%ebx), %esi
    movl $CONTROL + WINDOWS, %ebp
    movl $4, %edx
    cld
1:  movl (%ebp), %edi
    movl $16, %ecx
    rep movsl
    addl $8, %ebp
    decl %edx
    jnz 1b
    testb $1, IN_OPTIONS(%ebx)
    jz 2f
    fxrstor IN_FX(%ebx)
2:  movl $0xFFFF0FF0, %eax
    movl %eax, %dr6
    # the case's record to where real mode reaches it
    movl %ebx, %esi
    movl $real_case, %edi
    movl $44, %ecx
    rep movsl
    ljmpw $CODE16, $3f
.code16
3:  movw $DATA16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movl %cr0, %eax
    andl $0xFFFFFFFE, %eax
    movl %eax, %cr0
    ljmpw $0, $4f
4:  xorw %ax, %ax
    movw %ax, %ds
    lidtl real_idtr
    movw real_case + IN_SS, %ss
    movl real_case + 0x20, %esp
    # IRET's frame lies on the case's own stack
    pushw real_case + IN_RFLAGS
    pushw real_case + IN_CS
    pushw real_case + IN_RIP
    movl real_case + 0x00, %eax
    movl real_case + 0x08, %ecx
    movl real_case + 0x10, %edx
    movl real_case + 0x18, %ebx
    movl real_case + 0x28, %ebp
    movl real_case + 0x30, %esi
    movl real_case + 0x38, %edi
    movw real_case + IN_DATA_SEGS + 2, %es
    movw real_case + IN_DATA_SEGS + 4, %fs
    movw real_case + IN_DATA_SEGS + 6, %gs
    movw real_case + IN_DATA_SEGS, %ds
    iretw

common16:
    # the case's stack: vector, IP, CS, FLAGS
    popw %cs:real_vector
    popw %cs:real_ip
    popw %cs:real_cs
    popw %cs:real_flags
    movl %eax, %cs:real_case + 0x00
    movl %ecx, %cs:real_case + 0x08
    movl %edx, %cs:real_case + 0x10
    movl %ebx, %cs:real_case + 0x18
    movl %esp, %cs:real_case + 0x20
    movl %ebp, %cs:real_case + 0x28
    movl %esi, %cs:real_case + 0x30
    movl %edi, %cs:real_case + 0x38
    movw %ds, %cs:real_case + IN_DATA_SEGS
    movw %es, %cs:real_case + IN_DATA_SEGS + 2
    movw %fs, %cs:real_case + IN_DATA_SEGS + 4
    movw %gs, %cs:real_case + IN_DATA_SEGS + 6
    movw %ss, %cs:real_case + IN_SS
    xorw %ax, %ax
    movw %ax, %ds
    lgdtl CONTROL + GDTR32
    movl %cr0, %eax
    orl $1, %eax
    movl %eax, %cr0
    ljmpl $CODE32, $5f
.code32
5:  movw $DATA32, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw %ax, %fs
    movw %ax, %gs
    movl $stack_top, %esp
    cld
    movl CONTROL + RESULT, %ebx
    movl $real_case, %esi
    movl %ebx, %edi
    movl $44, %ecx
    rep movsl
    movzwl real_vector, %eax
    movl %eax, OUT_VECTOR(%ebx)
    movl $0, OUT_VECTOR + 4(%ebx)
    movzwl real_ip, %eax
    movl %eax, OUT_RIP(%ebx)
    movzwl real_cs, %eax
    movl %eax, OUT_CS(%ebx)
    movzwl real_flags, %eax
    movl %eax, OUT_RFLAGS(%ebx)
    movl %dr6, %eax
    movl %eax, OUT_DR6(%ebx)
    jmp store32

# ---------------------------------------------------------------- stubs, 16 bytes each
.code64
.balign 16
stubs64:
.set i, 0
.rept 256
    .balign 16
    .if i != 8 && (i < 10 || i > 14) && i != 17 && i != 21
    pushq $0
    .endif
    pushq $i
    jmp common64
    .set i, i + 1
.endr
.code32
.balign 16
stubs32:
.set i, 0
.rept 256
    .balign 16
    .if i != 8 && (i < 10 || i > 14) && i != 17 && i != 21
    pushl $0
    .endif
    pushl $i
    jmp common32
    .set i, i + 1
.endr
.code16
.balign 16
stubs16:
.set i, 0
.rept 256
    .balign 16
    pushw $i
    jmp common16
    .set i, i + 1
.endr

.balign 16
real_idtr:
    .word 0x3FF
    .long 0
real_vector: .word 0
real_ip:     .word 0
real_cs:     .word 0
real_flags:  .word 0
.balign 16
control64:   .quad 0
saved:       .quad 0
.balign 16
real_case:   .fill 176, 1, 0
.balign 16
             .fill 1024, 1, 0
stack_top:
