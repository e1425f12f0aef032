/*
 * The guest of the chaos tests. Every 5 ms it rewrites the next four pages of its working set and
 * says the next heartbeat to port E0h. Step n rewrites page n mod WORKING with content that only
 * step n writes; before that, the page must hold what step n - WORKING wrote, all of it. The step
 * is kept in memory, in a register of the SSE unit and on the x87 stack, which must agree. What
 * is wrong goes to port E4h.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#define WORKING 512
#define PAGES_A_TICK 4
#define WORDS 512
#define PIT_HZ 1193182
#define TICKS_A_SECOND 200

/* ChaosGuest.java reads these. */
static volatile u64 *const step = (u64 *)0x300000;
static volatile u64 *const beat = (u64 *)0x300008;
static u64 *const working = (u64 *)0x400000;

volatile u64 ticks;
extern void tick(void), broken(void);

static void out8(u16 port, u8 value) {
  __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void out32(u16 port, u32 value) {
  __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

struct gate {
  u16 low, selector, type, middle;
  u32 high, zero;
};
static struct gate idt[64];

static void set_gate(int vector, void (*handler)(void)) {
  u64 at = (u64)handler;
  idt[vector] = (struct gate){at, 8, 0x8E00, at >> 16, at >> 32, 0};
}

static void set_up(void) {
  for (int i = 0; i < 64; i++) {
    set_gate(i, i == 32 ? tick : broken);
  }
  struct {
    u16 limit;
    u64 base;
  } __attribute__((packed)) idtr = {sizeof idt - 1, (u64)idt};
  __asm__ volatile("lidt %0" : : "m"(idtr));
  out8(0x20, 0x11); /* both PICs from the start, vectors 20h and 28h */
  out8(0xA0, 0x11);
  out8(0x21, 0x20);
  out8(0xA1, 0x28);
  out8(0x21, 4);
  out8(0xA1, 2);
  out8(0x21, 1);
  out8(0xA1, 1);
  out8(0x21, 0xFE); /* the timer only */
  out8(0xA1, 0xFF);
  out8(0x43, 0x34); /* channel 0, both bytes, mode 2 */
  out8(0x40, (PIT_HZ / TICKS_A_SECOND) & 0xFF);
  out8(0x40, (PIT_HZ / TICKS_A_SECOND) >> 8);
  __asm__ volatile("sti");
}

static u64 first_word(u64 n) {
  return (n + 1) * 0x9E3779B97F4A7C15ul ^ 0xC2B2AE3D27D4EB4Ful;
}

static u64 next_word(u64 x) {
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return x;
}

static void require_registers(u64 n) {
  u64 sse, x87;
  __asm__ volatile("movq %%xmm7, %0" : "=r"(sse));
  __asm__ volatile("fistpll %0\n\tfildll %0" : "=m"(x87));
  if (sse != n || x87 != n) {
    out32(0xE4, 0xFFFFFFFE);
  }
}

static void keep_in_registers(u64 n) {
  __asm__ volatile("movq %0, %%xmm7" : : "r"(n));
  __asm__ volatile("fstp %%st(0)\n\tfildll %0" : : "m"(n));
}

static void one_step(int check) {
  u64 n = *step;
  volatile u64 *page = working + n % WORKING * WORDS;
  if (check) {
    require_registers(n);
    u64 x = first_word(n - WORKING);
    for (int i = 0; i < WORDS; i++) {
      x = next_word(x);
      if (page[i] != x) {
        out32(0xE4, n);
        break;
      }
    }
  }
  u64 x = first_word(n);
  for (int i = 0; i < WORDS; i++) {
    x = next_word(x);
    page[i] = x;
  }
  *step = n + 1;
  keep_in_registers(n + 1);
}

void guest(void) {
  u64 zero = 0;
  __asm__ volatile("fninit\n\tfildll %0" : : "m"(zero));
  for (int i = 0; i < WORKING; i++) {
    one_step(0);
  }
  set_up();
  u64 seen = ticks;
  for (;;) {
    __asm__ volatile("cli");
    while (ticks == seen) {
      __asm__ volatile("sti\n\thlt\n\tcli");
    }
    __asm__ volatile("sti");
    seen = ticks;
    for (int i = 0; i < PAGES_A_TICK; i++) {
      one_step(1);
    }
    out32(0xE0, *beat);
    ++*beat;
  }
}
