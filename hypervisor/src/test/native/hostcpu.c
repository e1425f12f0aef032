/*
 * The host CPU as an oracle for the software CPU.
 *
 * Reads cases from standard input (a file: it is mapped whole), runs the machine code of each
 * on the real CPU in user mode, and writes the resulting state to standard output. The layout
 * of both records is in struct request and struct result; everything is little-endian and the
 * records follow each other without padding.
 *
 * Every case is entered by sigreturn and left by a signal: the code page is filled with INT3, so
 * falling through or branching inside the page ends in SIGTRAP; faults end in SIGSEGV, SIGBUS,
 * SIGFPE or SIGILL. The handler stores the interrupted context as the result and replaces it by the
 * next case, so the C code around never sees the guest's registers. A case that runs for longer
 * than two timer ticks is recorded with SIGALRM.
 *
 * Fixed addresses: CODE_BASE and DATA_BASE, one page each, with unmapped pages around them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define CODE_BASE 0x10000000UL
#define DATA_BASE 0x20000000UL
#define PAGE 4096UL
#define DATA_FILL 0xA5
/* Bytes of an FXSAVE image that are architectural: header, ST0-7, XMM0-15. */
#define FX_BYTES 416
#define TICK_MICROS 200000

/* RFLAGS bits that the kernel lets a signal frame set: OF DF SF ZF AF PF CF. */
#define SETTABLE_FLAGS 0xCD5UL

struct request {
  uint32_t code_bytes;   /* 1..32 */
  uint32_t mode;         /* 64, or 32 for compatibility mode */
  uint32_t mem_offset;   /* window of the data page given and returned */
  uint32_t mem_bytes;
  uint64_t gpr[16];      /* in encoding order: rax rcx rdx rbx rsp rbp rsi rdi r8..r15 */
  uint64_t rflags;
  uint64_t code_offset;  /* in the code page */
  uint8_t code[32];
  uint8_t fx[512];       /* FXSAVE64 image */
  /* uint8_t mem[mem_bytes] */
} __attribute__((packed));

struct result {
  uint32_t signal;       /* SIGTRAP: ran to an INT3 */
  uint32_t trap;         /* x86 vector */
  uint64_t error_code;
  uint64_t cr2;
  uint64_t rip;          /* of the INT3 when signal is SIGTRAP, else of the faulting instruction */
  uint64_t gpr[16];
  uint64_t rflags;
  uint32_t outside;      /* 1: data page changed outside the window */
  uint32_t si_code;
  uint8_t fx[512];
  /* uint8_t mem[mem_bytes] */
} __attribute__((packed));

static const int GREG[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                             REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                             REG_R12, REG_R13, REG_R14, REG_R15};

static const uint8_t *input, *input_end;
static const struct request *current;
static uint8_t *const code_page = (uint8_t *)CODE_BASE;
static uint8_t *const data_page = (uint8_t *)DATA_BASE;
static uint8_t filled[PAGE];
static uint8_t output[1 << 20];
static size_t output_used;
static unsigned case_number, tick_case, ticks;

static void die(const char *what) {
  char text[200];
  int n = snprintf(text, sizeof text, "hostcpu: case %u: %s (errno %d)\n", case_number, what, errno);
  (void)!write(2, text, n);
  _exit(1);
}

static void flush_output(void) {
  size_t done = 0;
  while (done < output_used) {
    ssize_t n = write(1, output + done, output_used - done);
    if (n <= 0) die("cannot write results");
    done += n;
  }
  output_used = 0;
}

static void emit(const void *bytes, size_t n) {
  if (output_used + n > sizeof output) flush_output();
  memcpy(output + output_used, bytes, n);
  output_used += n;
}

static void record(int signal, const siginfo_t *info, ucontext_t *uc) {
  const greg_t *g = uc->uc_mcontext.gregs;
  struct result r;
  memset(&r, 0, sizeof r);
  r.signal = signal;
  r.trap = g[REG_TRAPNO];
  r.error_code = g[REG_ERR];
  r.cr2 = g[REG_CR2];
  r.rip = g[REG_RIP] - (signal == SIGTRAP && r.trap == 3 ? 1 : 0);
  for (int i = 0; i < 16; i++) r.gpr[i] = g[GREG[i]];
  r.rflags = g[REG_EFL];
  r.si_code = info->si_code;
  memcpy(r.fx, uc->uc_mcontext.fpregs, FX_BYTES);
  uint32_t offset = current->mem_offset, bytes = current->mem_bytes;
  r.outside = memcmp(data_page, filled, offset) != 0
      || memcmp(data_page + offset + bytes, filled, PAGE - offset - bytes) != 0;
  emit(&r, sizeof r);
  emit(data_page + offset, bytes);
}

static void load_next(ucontext_t *uc) {
  if (input == input_end) {
    flush_output();
    _exit(0);
  }
  if ((size_t)(input_end - input) < sizeof *current) die("truncated case");
  if (current) memset(code_page + current->code_offset, 0xCC, current->code_bytes);
  current = (const struct request *)input;
  case_number++;
  input += sizeof *current;
  if (current->mem_offset > PAGE || current->mem_bytes > PAGE - current->mem_offset
      || (size_t)(input_end - input) < current->mem_bytes) die("bad memory window");
  if (current->code_bytes > sizeof current->code
      || current->code_offset > PAGE - current->code_bytes) die("bad code");
  if (current->mode != 64 && current->mode != 32) die("bad mode");
  memcpy(code_page + current->code_offset, current->code, current->code_bytes);
  memset(data_page, DATA_FILL, PAGE);
  memcpy(data_page + current->mem_offset, input, current->mem_bytes);
  input += current->mem_bytes;

  greg_t *g = uc->uc_mcontext.gregs;
  for (int i = 0; i < 16; i++) g[GREG[i]] = current->gpr[i];
  g[REG_RIP] = CODE_BASE + current->code_offset;
  g[REG_EFL] = (current->rflags & SETTABLE_FLAGS) | 0x202;
  g[REG_CR2] = 0;
  /* CS in the low word; SS in the high one. Linux: 0x33 is 64-bit code, 0x23 is 32-bit code. */
  g[REG_CSGSFS] = (current->mode == 64 ? 0x33 : 0x23) | (0x2BL << 48);
  uint8_t *fp = (uint8_t *)uc->uc_mcontext.fpregs;
  memcpy(fp, current->fx, 28);            /* FCW..MXCSR; MXCSR_MASK stays */
  memcpy(fp + 32, current->fx + 32, FX_BYTES - 32);
  /* XSAVE header: say that x87 and SSE are not in their initial state, or they would be reset. */
  if (*(uint32_t *)(fp + 464) == 0x46505853) *(uint64_t *)(fp + 512) |= 3;
}

static void on_signal(int signal, siginfo_t *info, void *context) {
  ucontext_t *uc = context;
  if (current) record(signal, info, uc);
  load_next(uc);
}

static void on_tick(int signal, siginfo_t *info, void *context) {
  if (tick_case != case_number) {
    tick_case = case_number;
    ticks = 0;
  } else if (++ticks >= 2 && current) {
    on_signal(signal, info, context);
  }
}

int main(void) {
  struct stat st;
  if (fstat(0, &st) != 0 || !S_ISREG(st.st_mode)) die("standard input is not a file");
  if (st.st_size == 0) return 0;
  input = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, 0, 0);
  if (input == MAP_FAILED) die("cannot map the input");
  input_end = input + st.st_size;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  if (mmap(code_page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0) != code_page
      || mmap(data_page, PAGE, PROT_READ | PROT_WRITE, flags, -1, 0) != data_page)
    die("cannot map the fixed pages");
  /* 32-bit code needs flat data segments; 64-bit code does not look at them. */
  __asm__ volatile("movl $0x2B, %%eax\n\tmovl %%eax, %%ds\n\tmovl %%eax, %%es" ::: "eax");
  memset(code_page, 0xCC, PAGE);
  memset(filled, DATA_FILL, PAGE);

  stack_t stack = {.ss_size = 1 << 18};
  stack.ss_sp = malloc(stack.ss_size);
  if (!stack.ss_sp || sigaltstack(&stack, NULL) != 0) die("sigaltstack");
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  action.sa_sigaction = on_signal;
  static const int caught[] = {SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  for (size_t i = 0; i < sizeof caught / sizeof *caught; i++) sigaction(caught[i], &action, NULL);
  action.sa_sigaction = on_tick;
  sigaction(SIGALRM, &action, NULL);
  struct itimerval timer = {{0, TICK_MICROS}, {0, TICK_MICROS}};
  setitimer(ITIMER_REAL, &timer, NULL);
  __asm__ volatile("int3");
  return 1;
}
