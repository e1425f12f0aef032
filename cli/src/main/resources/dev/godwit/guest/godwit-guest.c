/*
 * godwit-guest: the one program that Godwit puts into its own guest, beside busybox.
 *
 * As /init it is process 1: mounts, ready marker, an interactive shell on the console, power-off. Called by name
 * it is a set of loads and witnesses for migration: see docs/guest.md for every command and line format.
 *
 * Freestanding: no libc, no headers, system calls only, general registers only (but for `registers`, whose point is
 * the other ones). So any gcc for x86-64 builds it, it is 20 kB, and a young software CPU runs it early.
 * Every line is written by one write(2), so that lines of several processes on one console do not mix.
 */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;

#define PAGE_BYTES 4096UL
#define PAGE_WORDS 512UL
#define NANOS_PER_SECOND 1000000000UL

/* ---- system calls (x86-64 numbers) ---------------------------------------------------------------------------- */

enum {
  SYS_read = 0, SYS_write = 1, SYS_open = 2, SYS_close = 3, SYS_mmap = 9, SYS_sigprocmask = 14, SYS_ioctl = 16,
  SYS_pause = 34, SYS_dup2 = 33, SYS_getpid = 39, SYS_socket = 41, SYS_sendto = 44, SYS_recvfrom = 45, SYS_setsockopt = 54,
  SYS_fork = 57, SYS_execve = 59, SYS_exit = 60, SYS_wait4 = 61, SYS_kill = 62, SYS_uname = 63, SYS_mkdir = 83, SYS_setsid = 112, SYS_sigtimedwait = 128, SYS_sync = 162,
  SYS_sched_setaffinity = 203, SYS_sched_getaffinity = 204, SYS_getcpu = 309,
  SYS_mount = 165, SYS_reboot = 169, SYS_clock_gettime = 228, SYS_clock_nanosleep = 230, SYS_exit_group = 231,
  SYS_finit_module = 313
};

static inline i64 sys6(i64 n, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  register u64 r10 __asm__("r10") = d;
  register u64 r8 __asm__("r8") = e;
  register u64 r9 __asm__("r9") = f;
  i64 result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static inline i64 sys4(i64 n, u64 a, u64 b, u64 c, u64 d) { return sys6(n, a, b, c, d, 0, 0); }
static inline i64 sys2(i64 n, u64 a, u64 b) { return sys6(n, a, b, 0, 0, 0, 0); }
static inline i64 sys1(i64 n, u64 a) { return sys6(n, a, 0, 0, 0, 0, 0); }

#define P(pointer) ((u64)(pointer))

struct timespec { i64 seconds; i64 nanos; };
enum { CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_BOOTTIME = 7, TIMER_ABSTIME = 1 };
enum { SIGINT = 2, SIGUSR1 = 10, SIGUSR2 = 12, SIGTERM = 15, SIGCHLD = 17 };
enum { SIG_BLOCK = 0, SIG_SETMASK = 2 };
#define SIGNAL_BIT(number) (1UL << ((number)-1))

static u64 clock_nanos(int clock) {
  struct timespec now;
  sys2(SYS_clock_gettime, clock, P(&now));
  return (u64)now.seconds * NANOS_PER_SECOND + (u64)now.nanos;
}

static void sleep_until(u64 monotonic_nanos) {
  struct timespec at = {(i64)(monotonic_nanos / NANOS_PER_SECOND), (i64)(monotonic_nanos % NANOS_PER_SECOND)};
  while (sys4(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, P(&at), 0) == -4 /* EINTR */) {
  }
}

static void exit_with(int status) {
  for (;;) sys1(SYS_exit_group, (u64)status);
}

/* gcc may call these for structures and loops, whatever -ffreestanding says. */
void *memset(void *to, int value, u64 bytes) {
  void *start = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
  return start;
}

void *memcpy(void *to, const void *from, u64 bytes) {
  void *start = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
  return start;
}

/* ---- text ------------------------------------------------------------------------------------------------------ */

/* One line in the making. Too long is cut, never overrun. */
struct line { u64 length; char text[512]; };

static void put_char(struct line *l, char c) {
  if (l->length < sizeof l->text) l->text[l->length++] = c;
}

static void put(struct line *l, const char *s) {
  while (*s) put_char(l, *s++);
}

static void put_decimal(struct line *l, u64 value) {
  char digits[20];
  int n = 0;
  do { digits[n++] = (char)('0' + value % 10); value /= 10; } while (value);
  while (n) put_char(l, digits[--n]);
}

static void put_hex(struct line *l, u64 value) {
  for (int shift = 60; shift >= 0; shift -= 4) put_char(l, "0123456789abcdef"[value >> shift & 15]);
}

static void put_field(struct line *l, const char *name, u64 value) {
  put_char(l, ' ');
  put(l, name);
  put_char(l, '=');
  put_decimal(l, value);
}

static void end_line(struct line *l, int fd) {
  if (l->length == sizeof l->text) l->length--;
  put_char(l, '\n');
  for (u64 done = 0; done < l->length;) {
    i64 n = sys4(SYS_write, (u64)fd, P(l->text + done), l->length - done, 0);
    if (n <= 0 && n != -4 && n != -11) break; /* a console that is gone: nothing to tell it to */
    if (n > 0) done += (u64)n;
  }
  l->length = 0;
}

static int equal(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

static u64 length_of(const char *s) {
  u64 n = 0;
  while (s[n]) n++;
  return n;
}

static void fail(const char *what, const char *which) {
  struct line l = {0};
  put(&l, "godwit-guest: ");
  put(&l, what);
  put(&l, which);
  end_line(&l, 2);
  exit_with(2);
}

/* A decimal number that ends where `end` says (0 or ','), or failure. */
static u64 parse_number(const char *s, const char **rest) {
  u64 value = 0;
  const char *start = s;
  while (*s >= '0' && *s <= '9' && value < 1UL << 56) value = value * 10 + (u64)(*s++ - '0');
  if (s == start) fail("not a number: ", start);
  if (rest) *rest = s;
  else if (*s) fail("not a number: ", start);
  return value;
}

/* The value of `--name N`, or the default; *seen counts what was understood, so that leftovers are refused. */
static u64 option(char **argv, const char *name, u64 otherwise, int *seen) {
  for (int i = 2; argv[i]; i++) {
    if (equal(argv[i], name)) {
      if (!argv[i + 1]) fail("a number is missing after ", name);
      *seen += 2;
      return parse_number(argv[i + 1], 0);
    }
  }
  return otherwise;
}

static int flag(char **argv, const char *name, int *seen) {
  for (int i = 2; argv[i]; i++) {
    if (equal(argv[i], name)) {
      *seen += 1;
      return 1;
    }
  }
  return 0;
}

static void refuse_leftovers(int argc, int seen) {
  if (argc - 2 != seen) fail("an option is unknown, or given twice", "");
}

static u64 read_file(const char *path, char *to, u64 capacity) {
  i64 fd = sys4(SYS_open, P(path), 0, 0, 0);
  u64 length = 0;
  if (fd >= 0) {
    i64 n;
    while (length < capacity - 1 && (n = sys4(SYS_read, (u64)fd, P(to + length), capacity - 1 - length, 0)) > 0) length += (u64)n;
    sys1(SYS_close, (u64)fd);
  }
  while (length && (to[length - 1] == '\n' || to[length - 1] == '\r')) length--;
  to[length] = 0;
  return length;
}

static char boot_id[64];

static void read_boot_id(void) {
  if (!read_file("/proc/sys/kernel/random/boot_id", boot_id, sizeof boot_id)) memcpy(boot_id, "unknown", 8);
}

enum { PRIVATE = 0x22, SHARED = 0x21 }; /* anonymous both */

static u8 *allocate_as(u64 mib, int how) {
  if (mib == 0 || mib > 1 << 20) fail("--mib must be from 1 to 1048576", "");
  i64 at = sys6(SYS_mmap, 0, mib << 20, 3 /* read, write */, (u64)how, (u64)-1, 0);
  if (at < 0 && at > -4096) fail("not enough memory for --mib", "");
  return (u8 *)at;
}

static u8 *allocate(u64 mib) { return allocate_as(mib, PRIVATE); }

/* ---- CPUs ------------------------------------------------------------------------------------------------------ */

#define MOST_CPUS 64UL

/* CPUs that this process may run on, as bits. */
static u64 cpus_here(void) {
  u64 mask[16] = {0};
  if (sys4(SYS_sched_getaffinity, 0, sizeof mask, P(mask), 0) <= 0) fail("the CPUs cannot be asked for", "");
  return mask[0];
}

static void stay_on(u64 cpu) {
  u64 mask = 1UL << cpu;
  if (cpu >= MOST_CPUS || sys4(SYS_sched_setaffinity, 0, sizeof mask, P(&mask), 0) < 0) fail("there is no such CPU", "");
}

static u64 cpu_now(void) {
  u32 cpu = ~0u;
  sys4(SYS_getcpu, P(&cpu), 0, 0, 0);
  return cpu;
}

/* ---- heartbeat: the witness of time ---------------------------------------------------------------------------- */

static void heartbeat(int argc, char **argv) {
  int seen = 0;
  u64 interval = option(argv, "--interval-ms", 100, &seen) * 1000000;
  u64 count = option(argv, "--count", ~0UL, &seen);
  refuse_leftovers(argc, seen);
  if (interval == 0) fail("--interval-ms must be at least 1", "");
  read_boot_id();
  struct line l = {0};
  u64 next = clock_nanos(CLOCK_MONOTONIC);
  for (u64 n = 0; n != count; n++) {
    put(&l, "HB ");
    put_decimal(&l, n);
    put(&l, " boot=");
    put(&l, boot_id);
    u64 up = clock_nanos(CLOCK_MONOTONIC);
    put_field(&l, "up", up);
    put_field(&l, "rt", clock_nanos(CLOCK_REALTIME));
    end_line(&l, 1);
    next += interval;
    if (next < up) next = up + interval; /* after a pause: go on from now, not in a burst */
    sleep_until(next);
  }
}

/* ---- workset: pages that know what they should be --------------------------------------------------------------- */

/*
 * Page i, as 512 words of 64 bits:
 *   [0] magic | i     [1] generation     [2] chain: the sum of the page that was rewritten just before this one
 *   [3..510] a sequence that depends on i and the generation (with --touch: partly of older generations)
 *   [511] sum over [0..510]
 * Outside, in a table of its own, stand the generation and sum each page must have; outside of that, in this
 * program's data, a digest over the whole table. Every page is verified before it is rewritten, so:
 *   lost   what is there is no page i at all (zero, or another page)
 *   torn   words of different times: the sum is not that of the words
 *   stale  sound in itself, but of another generation, content or predecessor than the table says
 *   table  the table as a whole is not what it was: the digest differs
 */
struct expectation { u64 generation; u64 sum; };

#define MAGIC 0x60d7170000000000UL
#define CHAIN_START 0x676f64776974UL
#define ANY_CPU (~0UL)
#define PAGE_LINES_A_PASS 32 /* mismatches beyond that are counted only */

enum kind { SOUND, LOST, TORN, STALE };

struct workset {
  u64 *pages;
  u64 count;
  struct expectation *table;
  u64 digest;      /* over the table: sum of entry_digest */
  u64 generation;  /* the generation being written */
  u64 old_chain;   /* what the page verified next must carry in [2] */
  u64 new_chain;   /* what the page written next gets in [2] */
  u64 touch_words; /* 0: whole pages */
  u64 mismatches;
  u64 page_lines; /* in this pass */
  u64 cpu;        /* where it is to stay, or ANY_CPU */
  struct line line;
};

static inline u64 mix(u64 x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93UL;
  x ^= x >> 32;
  return x;
}

static inline u64 entry_digest(u64 page, struct expectation e) { return mix(mix(page ^ e.generation << 24) + e.sum); }

/* Fletcher's sum in 64-bit words: position counts, two instructions a word. */
static inline u64 sum_of(const u64 *words) {
  u64 a = 0, b = 0;
  for (u64 w = 0; w < PAGE_WORDS - 1;) {
    a += words[w++]; b += a;
    a += words[w++]; b += a;
    a += words[w++]; b += a;
    a += words[w++]; b += a;
    a += words[w++]; b += a;
    a += words[w++]; b += a;
    a += words[w++]; b += a;
  }
  return mix(a) ^ b;
}

static void report_mismatch(struct workset *ws, const char *kind, u64 page, u64 expected, u64 found) {
  ws->mismatches++;
  struct line *l = &ws->line;
  put(l, "WS MISMATCH");
  put_field(l, "page", page);
  put_field(l, "expected", expected);
  put_field(l, "found", found);
  put(l, " kind=");
  put(l, kind);
  end_line(l, 1);
}

/* Verifies page i against itself, the chain and the table; leaves its old sum as the next page's expected chain. */
static void verify_page(struct workset *ws, u64 i) {
  const u64 *words = ws->pages + i * PAGE_WORDS;
  struct expectation expected = ws->table[i];
  u64 sum = sum_of(words);
  enum kind kind = SOUND;
  if (sum != words[PAGE_WORDS - 1]) kind = (words[0] == (MAGIC | i)) ? TORN : LOST;
  else if (words[0] != (MAGIC | i)) kind = LOST;
  else if (words[1] != expected.generation || sum != expected.sum || words[2] != ws->old_chain) kind = STALE;
  if (kind != SOUND && ws->page_lines++ >= PAGE_LINES_A_PASS) {
    ws->mismatches++;
  } else if (kind != SOUND) {
    report_mismatch(ws, kind == LOST ? "lost" : kind == TORN ? "torn" : "stale", i, expected.generation, words[1]);
  }
  ws->old_chain = expected.sum;
}

static void write_page(struct workset *ws, u64 i, int whole) {
  u64 *words = ws->pages + i * PAGE_WORDS;
  u64 generation = ws->generation;
  words[0] = MAGIC | i;
  words[1] = generation;
  words[2] = ws->new_chain;
  u64 value = mix(i << 32 ^ generation);
  u64 step = mix(value) | 1;
  u64 sum;
  if (whole) {
    u64 a = words[0], b = a;
    a += words[1]; b += a;
    a += words[2]; b += a;
    for (u64 w = 3; w < PAGE_WORDS - 1;) { /* 508 words, four at a time */
      words[w++] = value; a += value; b += a; value += step;
      words[w++] = value; a += value; b += a; value += step;
      words[w++] = value; a += value; b += a; value += step;
      words[w++] = value; a += value; b += a; value += step;
    }
    sum = mix(a) ^ b;
  } else {
    u64 body = PAGE_WORDS - 4;
    u64 at = generation * ws->touch_words % body;
    for (u64 n = 0; n < ws->touch_words; n++, value += step) words[3 + (at + n) % body] = value;
    sum = sum_of(words);
  }
  words[PAGE_WORDS - 1] = sum;
  ws->digest -= entry_digest(i, ws->table[i]);
  ws->table[i] = (struct expectation){generation, sum};
  ws->digest += entry_digest(i, ws->table[i]);
  ws->new_chain = sum;
}

static void verify_table(struct workset *ws) {
  u64 digest = 0;
  ws->page_lines = 0;
  for (u64 i = 0; i < ws->count; i++) digest += entry_digest(i, ws->table[i]);
  if (digest != ws->digest) {
    report_mismatch(ws, "table", ws->count, ws->digest, digest);
    ws->digest = digest;
  }
}

static void report_pass(struct workset *ws, const char *head, u64 pass) {
  struct line *l = &ws->line;
  put(l, head);
  put_field(l, "pass", pass);
  put_field(l, "pages", ws->count);
  put_field(l, "mismatches", ws->mismatches);
  if (ws->cpu != ANY_CPU) put_field(l, "cpu", ws->cpu);
}

/* Sleeps so that `done` pages since `start` come to the rate; 0 is as fast as it can. */
static void pace(u64 start, u64 done, u64 pages_per_second) {
  u64 batch = pages_per_second / 100; /* look at the clock a hundred times a second */
  if (pages_per_second && done % (batch ? batch : 1) == 0) sleep_until(start + done * NANOS_PER_SECOND / pages_per_second);
}

static void verdict(struct workset *ws, u64 pass, u64 first_chain) {
  ws->old_chain = first_chain;
  for (u64 i = 0; i < ws->count; i++) verify_page(ws, i);
  verify_table(ws);
  report_pass(ws, "WS VERDICT", pass);
  put(&ws->line, ws->mismatches ? " result=corrupt" : " result=intact");
  end_line(&ws->line, 1);
  exit_with(ws->mismatches ? 1 : 0);
}

static void workset(int argc, char **argv) {
  static struct workset ws;
  int seen = 0;
  u64 mib = option(argv, "--mib", 64, &seen);
  u64 rate = option(argv, "--pages-per-sec", 0, &seen);
  u64 touch = option(argv, "--touch", 0, &seen);
  u64 passes = option(argv, "--passes", ~0UL, &seen);
  u64 report_nanos = option(argv, "--report-ms", 0, &seen) * 1000000;
  ws.cpu = option(argv, "--cpu", ANY_CPU, &seen);
  if (flag(argv, "--verify-once", &seen)) passes = 0;
  refuse_leftovers(argc, seen);
  if (ws.cpu != ANY_CPU) stay_on(ws.cpu);
  if (touch % 8 || touch > (PAGE_WORDS - 4) * 8) fail("--touch must be a multiple of 8, at most 4064", "");

  u64 stop_signals = SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGINT);
  sys4(SYS_sigprocmask, SIG_BLOCK, P(&stop_signals), 0, 8);

  ws.pages = (u64 *)allocate(mib);
  ws.count = mib << 20 >> 12;
  ws.touch_words = touch / 8;
  ws.table = (struct expectation *)allocate((ws.count * sizeof *ws.table >> 20) + 1);
  for (u64 i = 0; i < ws.count; i++) ws.digest += entry_digest(i, ws.table[i]);

  ws.new_chain = CHAIN_START;
  for (u64 i = 0; i < ws.count; i++) write_page(&ws, i, 1); /* generation 0 */
  report_pass(&ws, "WS", 0);
  end_line(&ws.line, 1);

  /* [2] of page 0 carries the sum of the last page of the generation before. */
  u64 old_first_chain = CHAIN_START;
  u64 start = clock_nanos(CLOCK_MONOTONIC);
  u64 reported = start;
  u64 done = 0;
  for (u64 pass = 1; pass <= passes; pass++) {
    u64 last_sum = ws.new_chain;
    ws.generation = pass;
    ws.old_chain = old_first_chain;
    for (u64 i = 0; i < ws.count; i++) {
      verify_page(&ws, i);
      write_page(&ws, i, ws.touch_words == 0);
      pace(start, ++done, rate);
    }
    old_first_chain = last_sum;
    verify_table(&ws);
    u64 cpu = cpu_now();
    if (ws.cpu != ANY_CPU && cpu != ws.cpu) report_mismatch(&ws, "cpu", 0, ws.cpu, cpu);
    u64 now = clock_nanos(CLOCK_MONOTONIC);
    if (now - reported >= report_nanos) {
      report_pass(&ws, "WS", pass);
      end_line(&ws.line, 1);
      reported = now;
    }
    struct timespec at_once = {0, 0};
    if (sys4(SYS_sigtimedwait, P(&stop_signals), 0, P(&at_once), 8) > 0) passes = pass;
  }
  verdict(&ws, ws.generation, old_first_chain);
}

/* ---- locks: the witness of atomicity between CPUs ---------------------------------------------------------------- */

/*
 * One process a CPU, pinned to it, all sharing memory. Each takes a spin lock, adds 1 to a counter by plain loads and
 * stores and to a neighbour of the lock by a locked instruction, and releases the lock by a plain store, as kernels do.
 * The first one looks, holding the lock, whether the counters are what all have added. So an update that was lost, and
 * a release that was lost, are seen: the latter by nobody going on.
 */
struct lock_slot { volatile u64 added; u64 unused[7]; };
struct lock_page {
  volatile u8 lock;
  volatile u8 neighbour; /* in the same word as the lock: its locked updates must not undo a release */
  u64 unused[7];
  volatile u64 plain;
  u64 unused2[7];
  volatile u64 atomic;
  u64 unused3[7];
  volatile u64 ended;
  struct lock_slot slots[MOST_CPUS];
};

static void take(struct lock_page *page) {
  for (;;) {
    u8 held = 1;
    __asm__ volatile("xchgb %0, %1" : "+q"(held), "+m"(page->lock) : : "memory");
    if (!held) return;
    while (page->lock) __asm__ volatile("pause");
  }
}

static void release(struct lock_page *page) {
  __asm__ volatile("" : : : "memory");
  page->lock = 0;
}

static void locks(int argc, char **argv) {
  int seen = 0;
  u64 rounds = option(argv, "--rounds", 500, &seen); /* in a row, a hundred times a second */
  u64 passes = option(argv, "--passes", ~0UL, &seen);
  refuse_leftovers(argc, seen);
  struct lock_page *page = (struct lock_page *)allocate_as(1, SHARED);
  u64 cpus = cpus_here();
  u64 first = (u64)__builtin_ctzl(cpus);
  u64 me = first;
  u64 workers = 1;
  for (u64 cpu = first + 1; cpu < MOST_CPUS && me == first; cpu++) {
    if (!(cpus >> cpu & 1)) continue;
    workers++;
    if (sys1(SYS_fork, 0) == 0) me = cpu;
  }
  stay_on(me);
  struct line l = {0};
  u64 mismatches = 0;
  u64 reported = clock_nanos(CLOCK_MONOTONIC);
  for (u64 pass = 0; !page->ended;) {
    for (u64 n = 0; n < rounds; n++) {
      take(page);
      page->plain = page->plain + 1;
      page->slots[me].added++;
      __asm__ volatile("lock incq %0" : "+m"(page->atomic) : : "memory");
      release(page);
      __asm__ volatile("lock incb %0" : "+m"(page->neighbour) : : "memory");
    }
    u64 now = clock_nanos(CLOCK_MONOTONIC);
    if (me == first && (now - reported >= NANOS_PER_SECOND || passes != ~0UL)) {
      u64 sum = 0;
      take(page);
      for (u64 cpu = 0; cpu < MOST_CPUS; cpu++) sum += page->slots[cpu].added;
      u64 plain = page->plain, atomic = page->atomic;
      release(page);
      if (sum != plain || sum != atomic) mismatches++;
      put(&l, "LK");
      put_field(&l, "pass", ++pass);
      put_field(&l, "cpus", workers);
      put_field(&l, "added", sum);
      put_field(&l, "plain", plain);
      put_field(&l, "atomic", atomic);
      put_field(&l, "mismatches", mismatches);
      end_line(&l, 1);
      reported = now;
      if (pass == passes) {
        page->ended = 1;
        exit_with(mismatches ? 1 : 0);
      }
    }
    sleep_until(now + NANOS_PER_SECOND / 100);
  }
  exit_with(0);
}

/* ---- dirty, rewrite, fill: loads for benchmarks ------------------------------------------------------------------- */

static u64 xorshift(u64 x) {
  x ^= x << 13;
  x ^= x >> 7;
  return x ^ x << 17;
}

/* Fills words with what does not compress; returns their sum. */
static u64 fill_words(u64 *words, u64 count, u64 seed) {
  u64 x = mix(seed) | 1;
  u64 sum = 0;
  for (u64 w = 0; w < count; w++) {
    x = xorshift(x);
    words[w] = x;
    sum += x;
  }
  return sum;
}

/* How far a load is, once a second. */
struct reports { const char *name; u64 start; u64 next; struct line line; };

static void report_now(struct reports *r, u64 pages, u64 now) {
  put(&r->line, r->name);
  put_field(&r->line, "pages", pages);
  put_field(&r->line, "ms", (now - r->start) / 1000000);
  end_line(&r->line, 1);
  r->next = now + NANOS_PER_SECOND;
}

static void reports_start(struct reports *r, const char *name) {
  r->name = name;
  r->start = clock_nanos(CLOCK_MONOTONIC);
  report_now(r, 0, r->start);
}

static void report_if_due(struct reports *r, u64 pages) {
  u64 now = clock_nanos(CLOCK_MONOTONIC);
  if (now >= r->next) report_now(r, pages, now);
}

static void dirty(int argc, char **argv) {
  static struct reports reports;
  int seen = 0;
  u64 mib = option(argv, "--mib", 64, &seen);
  u64 rate = option(argv, "--pages-per-sec", 0, &seen);
  refuse_leftovers(argc, seen);
  u64 *words = (u64 *)allocate(mib);
  u64 count = mib << 20 >> 12;
  fill_words(words, count * PAGE_WORDS, 1);
  reports_start(&reports, "DIRTY");
  for (u64 done = 0;;) {
    words[done % count * PAGE_WORDS] = mix(done);
    done++;
    pace(reports.start, done, rate);
    if (done % 256 == 0) report_if_due(&reports, done);
  }
}

/* Every word of every page gets a new value in each pass; no page compresses, before or after. */
static void rewrite(int argc, char **argv) {
  static struct reports reports;
  int seen = 0;
  u64 mib = option(argv, "--mib", 64, &seen);
  refuse_leftovers(argc, seen);
  u64 *words = (u64 *)allocate(mib);
  u64 count = mib << 20 >> 12;
  fill_words(words, count * PAGE_WORDS, 1);
  reports_start(&reports, "REWRITE");
  for (u64 done = 0;;) {
    u64 *page = words + done % count * PAGE_WORDS;
    u64 value = mix(++done);
    u64 step = mix(value) | 1;
    for (u64 w = 0; w < PAGE_WORDS;) {
      page[w++] = value; value += step;
      page[w++] = value; value += step;
      page[w++] = value; value += step;
      page[w++] = value; value += step;
    }
    if (done % 256 == 0) report_if_due(&reports, done);
  }
}

static void fill(int argc, char **argv) {
  int seen = 0;
  u64 mib = option(argv, "--mib", 64, &seen);
  u64 seed = option(argv, "--seed", 1, &seen);
  refuse_leftovers(argc, seen);
  u64 sum = fill_words((u64 *)allocate(mib), mib << 20 >> 3, seed);
  struct line l = {0};
  put(&l, "FILL DONE");
  put_field(&l, "mib", mib);
  put(&l, " sum=");
  put_hex(&l, sum);
  end_line(&l, 1);
  for (;;) sys1(SYS_pause, 0);
}

/* ---- clock -------------------------------------------------------------------------------------------------------- */

static u64 read_tsc(void) {
  u32 low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (u64)high << 32 | low;
}

static void clock_once(int argc) {
  refuse_leftovers(argc, 0);
  struct line l = {0};
  put(&l, "CLOCK");
  put_field(&l, "rt", clock_nanos(CLOCK_REALTIME));
  put_field(&l, "up", clock_nanos(CLOCK_MONOTONIC));
  put_field(&l, "boot", clock_nanos(CLOCK_BOOTTIME));
  put_field(&l, "tsc", read_tsc());
  end_line(&l, 1);
}

/* ---- registers: the witness of vCPU state that memory does not show ------------------------------------------------ */

/*
 * Puts known values into the SSE and general registers, MXCSR, the x87 stack and control word and the direction flag,
 * spins for a while without leaving user mode by itself, and looks whether all of it is still there.
 */
struct fp_image { u8 bytes[512]; } __attribute__((aligned(16)));

static u64 spin_with_registers(const struct fp_image *known, struct fp_image *after, u64 turns, u64 seed) {
  u64 differing;
  __asm__ volatile(
      "fxrstor64 %[known]\n"
      "mov %[seed], %%rax\n mov %%rax, %%rbx\n not %%rbx\n lea 1(%%rax), %%rdx\n lea 2(%%rax), %%rsi\n lea 3(%%rax), %%rdi\n"
      "lea 4(%%rax), %%r8\n lea 5(%%rax), %%r9\n lea 6(%%rax), %%r10\n lea 7(%%rax), %%r11\n lea 8(%%rax), %%r12\n"
      "lea 9(%%rax), %%r13\n lea 10(%%rax), %%r14\n"
      "std\n"
      "1: sub $1, %%rcx\n jnz 1b\n"
      "pushfq\n pop %%rcx\n cld\n and $0x400, %%ecx\n xor $0x400, %%ecx\n"
      "not %%rbx\n xor %%rax, %%rbx\n or %%rbx, %%rcx\n"
      "sub %%rax, %%rdx\n xor $1, %%rdx\n or %%rdx, %%rcx\n sub %%rax, %%rsi\n xor $2, %%rsi\n or %%rsi, %%rcx\n"
      "sub %%rax, %%rdi\n xor $3, %%rdi\n or %%rdi, %%rcx\n sub %%rax, %%r8\n xor $4, %%r8\n or %%r8, %%rcx\n"
      "sub %%rax, %%r9\n xor $5, %%r9\n or %%r9, %%rcx\n sub %%rax, %%r10\n xor $6, %%r10\n or %%r10, %%rcx\n"
      "sub %%rax, %%r11\n xor $7, %%r11\n or %%r11, %%rcx\n sub %%rax, %%r12\n xor $8, %%r12\n or %%r12, %%rcx\n"
      "sub %%rax, %%r13\n xor $9, %%r13\n or %%r13, %%rcx\n sub %%rax, %%r14\n xor $10, %%r14\n or %%r14, %%rcx\n"
      "xor %[seed], %%rax\n or %%rax, %%rcx\n"
      "fxsave64 %[after]\n"
      : "=c"(differing), [after] "=m"(*after)
      : "0"(turns), [known] "m"(*known), [seed] "m"(seed)
      : "rax", "rbx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "memory", "cc");
  return differing;
}

static void registers(int argc, char **argv) {
  static struct fp_image known, after;
  int seen = 0;
  u64 turns = option(argv, "--turns", 1000000, &seen);
  u64 passes = option(argv, "--passes", ~0UL, &seen);
  refuse_leftovers(argc, seen);
  if (turns == 0) fail("--turns must be at least 1", "");
  struct line l = {0};
  u64 mismatches = 0;
  u64 reported = 0;
  for (u64 pass = 1; pass <= passes; pass++) {
    memset(&known, 0, sizeof known);
    *(u32 *)(known.bytes + 0) = 0x0c7f;   /* x87 control: 53 bits, round to zero, all masked */
    known.bytes[4] = 0xff;                /* tags: eight registers in use */
    *(u32 *)(known.bytes + 24) = 0x7fbf;  /* MXCSR: all masked, round to zero, some sticky flags */
    u64 x = mix(pass) | 1;
    for (u64 r = 0; r < 8; r++) {         /* normal numbers: explicit integer bit set */
      x = xorshift(x);
      *(u64 *)(known.bytes + 32 + 16 * r) = x | 1UL << 63;
      *(u32 *)(known.bytes + 40 + 16 * r) = (u32)(0x3fff + (x & 0xff));
    }
    for (u64 w = 0; w < 32; w++) {
      x = xorshift(x);
      *(u64 *)(known.bytes + 160 + 8 * w) = x;
    }
    u64 differing = spin_with_registers(&known, &after, turns, x);
    for (u64 b = 0; b < 416; b++) {
      int compared = b < 5 || (b >= 24 && b < 28) || (b >= 32 && b < 160 && b % 16 < 10) || b >= 160;
      if (compared && known.bytes[b] != after.bytes[b]) differing |= 1;
    }
    if (differing) {
      mismatches++;
      put(&l, "RG MISMATCH");
      put_field(&l, "pass", pass);
      end_line(&l, 1);
    }
    u64 now = clock_nanos(CLOCK_MONOTONIC);
    if (now - reported >= NANOS_PER_SECOND || pass == passes) {
      put(&l, "RG");
      put_field(&l, "pass", pass);
      put_field(&l, "mismatches", mismatches);
      end_line(&l, 1);
      reported = now;
    }
  }
  exit_with(mismatches ? 1 : 0);
}

/* ---- power-button: the host's `stop` ------------------------------------------------------------------------------ */

/* Generic netlink (linux/netlink.h, linux/genetlink.h): a header, then attributes, which may hold attributes. */
struct netlink_header { u32 length; u16 type, flags; u32 sequence, port; u8 command, version; u16 reserved; };
struct attribute { u16 length, type; };

enum { AF_NETLINK = 16, SOCK_RAW = 3, NETLINK_GENERIC = 16, SOL_NETLINK = 270, NETLINK_ADD_MEMBERSHIP = 1, NLM_F_REQUEST = 1 };
enum { GENL_ID_CTRL = 16, CTRL_CMD_GETFAMILY = 3, CTRL_ATTR_FAMILY_NAME = 2, CTRL_ATTR_MCAST_GROUPS = 7, CTRL_ATTR_MCAST_GRP_ID = 2 };

/* The first attribute of a type, or 0. `at` and what is returned are whole attributes; lengths are checked. */
static const struct attribute *find_attribute(const u8 *at, const u8 *end, int type) {
  while (at + sizeof(struct attribute) <= end) {
    const struct attribute *a = (const struct attribute *)at;
    if (a->length < sizeof *a || at + a->length > end) return 0;
    if ((a->type & 0x3fff) == type) return a;
    at += (a->length + 3) & ~3;
  }
  return 0;
}

static const u8 *content_of(const struct attribute *a) { return (const u8 *)(a + 1); }
static const u8 *end_of(const struct attribute *a) { return (const u8 *)a + a->length; }

/* The group to which the kernel tells ACPI events, or 0 where there is none. */
static u32 acpi_event_group(u64 netlink) {
  static u8 reply[4096];
  struct { struct netlink_header header; struct attribute name; char text[12]; } ask = {
      {sizeof ask, GENL_ID_CTRL, NLM_F_REQUEST, 1, 0, CTRL_CMD_GETFAMILY, 1, 0}, {15, CTRL_ATTR_FAMILY_NAME}, "acpi_event"};
  if (sys6(SYS_sendto, netlink, P(&ask), sizeof ask, 0, 0, 0) < 0) return 0;
  i64 length = sys6(SYS_recvfrom, netlink, P(reply), sizeof reply, 0, 0, 0);
  if (length < (i64)sizeof(struct netlink_header)) return 0;
  const struct attribute *groups = find_attribute(reply + sizeof(struct netlink_header), reply + length, CTRL_ATTR_MCAST_GROUPS);
  const struct attribute *group = groups ? find_attribute(content_of(groups), end_of(groups), 1) : 0;
  const struct attribute *id = group ? find_attribute(content_of(group), end_of(group), CTRL_ATTR_MCAST_GRP_ID) : 0;
  return id && id->length == 8 ? *(const u32 *)content_of(id) : 0;
}

static int contains(const u8 *bytes, u64 length, const char *text) {
  u64 n = length_of(text);
  for (u64 at = 0; at + n <= length; at++) {
    u64 same = 0;
    while (same < n && bytes[at + same] == (u8)text[same]) same++;
    if (same == n) return 1;
  }
  return 0;
}

/* Waits for the ACPI power button and has process 1 power off. Says nothing where there is no such button. */
static void power_button(void) {
  static u8 event[1024];
  i64 module = sys4(SYS_open, P("/lib/modules/button.ko"), 0, 0, 0);
  if (module >= 0) sys4(SYS_finit_module, (u64)module, P(""), 0, 0);
  i64 netlink = sys4(SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, 0);
  u32 group = netlink >= 0 ? acpi_event_group((u64)netlink) : 0;
  if (!group) return;
  if (sys6(SYS_setsockopt, (u64)netlink, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, P(&group), sizeof group, 0) < 0) return;
  for (;;) {
    i64 length = sys6(SYS_recvfrom, (u64)netlink, P(event), sizeof event, 0, 0, 0);
    if (length > 0 && contains(event, (u64)length, "button/power")) {
      sys2(SYS_kill, 1, SIGUSR2);
      return;
    }
  }
}

/* ---- init: process 1 ------------------------------------------------------------------------------------------------ */

static char *const shell_environment[] = {"HOME=/root", "PATH=/bin:/sbin:/usr/bin:/usr/sbin", "TERM=linux", "PS1=godwit# ", 0};
static char console_path[64] = "/dev/console";
static u64 no_signals;

static void mount_at(const char *type, const char *at) {
  sys4(SYS_mkdir, P(at), 0755, 0, 0);
  sys6(SYS_mount, P(type), P(at), P(type), 0, 0, 0);
}

/* /dev/console cannot be a controlling terminal; what is behind it can. */
static void find_console(void) {
  char active[64];
  u64 length = read_file("/sys/class/tty/console/active", active, sizeof active - 8);
  if (!length) return;
  u64 last = 0;
  for (u64 i = 0; i < length; i++)
    if (active[i] == ' ') last = i + 1;
  memcpy(console_path, "/dev/", 5);
  memcpy(console_path + 5, active + last, length - last + 1);
}

static void open_console(void) {
  i64 fd = sys4(SYS_open, P(console_path), 2, 0, 0);
  if (fd < 0) return;
  sys4(SYS_ioctl, (u64)fd, 0x540e /* TIOCSCTTY */, 1, 0);
  for (u64 to = 0; to < 3; to++) sys2(SYS_dup2, (u64)fd, to);
  if (fd > 2) sys1(SYS_close, (u64)fd);
}

/* Starts a program: the shell in a session of its own that has the console, a load in init's session. */
static i64 start(char *const argv[], int own_session) {
  i64 pid = sys1(SYS_fork, 0);
  if (pid != 0) return pid;
  sys4(SYS_sigprocmask, SIG_SETMASK, P(&no_signals), 0, 8);
  if (own_session) {
    sys1(SYS_setsid, 0);
    open_console();
  }
  sys4(SYS_execve, P(argv[0]), P(argv), P(shell_environment), 0);
  fail("cannot execute ", argv[0]);
  return -1;
}

/* `name=A` or `name=A,B` on the kernel's command line: copies A and B out. Returns how many there are. */
static int kernel_option(const char *command_line, const char *name, char first[24], char second[24]) {
  u64 n = length_of(name);
  for (const char *at = command_line; *at;) {
    const char *end = at;
    while (*end && *end != ' ' && *end != '\n') end++;
    u64 same = 0;
    while (same < n && at[same] == name[same]) same++;
    if (same == n && at[n] == '=') {
      int values = 0;
      for (const char *s = at + n + 1; s < end && values < 2;) {
        char *to = values++ ? second : first;
        u64 length = 0;
        while (s < end && *s != ',' && length < 23) to[length++] = *s++;
        to[length] = 0;
        if (s < end) s++;
      }
      return values;
    }
    at = *end ? end + 1 : end;
  }
  return 0;
}

static void start_load(const char *command_line, const char *option_name, char *command, char *first_name, char *second_name) {
  char first[24], second[24];
  int values = kernel_option(command_line, option_name, first, second);
  if (!values) return;
  char *argv[] = {"/bin/godwit-guest", command, first_name, first, 0, 0, 0};
  if (values == 2) {
    argv[4] = second_name;
    argv[5] = second;
  }
  start(argv, 0);
}

/* One pinned working set a CPU: `name=MIB[,PAGES_PER_SEC]`. */
static void start_working_sets(const char *command_line) {
  char mib[24], rate[24], cpu_text[24];
  int values = kernel_option(command_line, "godwit.workset-per-cpu", mib, rate);
  if (!values) return;
  u64 cpus = cpus_here();
  for (u64 cpu = 0; cpu < MOST_CPUS; cpu++) {
    if (!(cpus >> cpu & 1)) continue;
    struct line number = {0};
    put_decimal(&number, cpu);
    memcpy(cpu_text, number.text, number.length);
    cpu_text[number.length] = 0;
    char *argv[] = {"/bin/godwit-guest", "workset", "--cpu", cpu_text, "--mib", mib, 0, 0, 0};
    if (values == 2) {
      argv[6] = "--pages-per-sec";
      argv[7] = rate;
    }
    start(argv, 0);
  }
}

static void power(u64 what) {
  sys1(SYS_sync, 0);
  sys4(SYS_reboot, 0xfee1dead, 672274793, what, 0);
}

#define POWER_OFF 0x4321fedcUL
#define RESTART 0x01234567UL

static void init(void) {
  static char command_line[4096], release[65 * 6];
  struct line l = {0};
  u64 wanted = SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGUSR1) | SIGNAL_BIT(SIGUSR2) | SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGINT);
  sys4(SYS_sigprocmask, SIG_BLOCK, P(&wanted), P(&no_signals), 8);
  mount_at("proc", "/proc");
  mount_at("sysfs", "/sys");
  mount_at("devtmpfs", "/dev");
  mount_at("devpts", "/dev/pts");
  mount_at("tmpfs", "/tmp");
  find_console();
  open_console();

  read_boot_id();
  sys1(SYS_uname, P(release)); /* six fields of 65 bytes; the third is the release */
  read_file("/proc/cmdline", command_line, sizeof command_line);
  put(&l, "GODWIT-GUEST READY boot=");
  put(&l, boot_id);
  put(&l, " kernel=");
  put(&l, release + 2 * 65);
  end_line(&l, 1);

  start_load(command_line, "godwit.heartbeat", "heartbeat", "--interval-ms", "--count");
  start_load(command_line, "godwit.workset", "workset", "--mib", "--pages-per-sec");
  start_working_sets(command_line);
  start_load(command_line, "godwit.locks", "locks", "--rounds", "--passes");
  start_load(command_line, "godwit.dirty", "dirty", "--mib", "--pages-per-sec");
  start_load(command_line, "godwit.rewrite", "rewrite", "--mib", "");
  start_load(command_line, "godwit.fill", "fill", "--mib", "--seed");
  start_load(command_line, "godwit.registers", "registers", "--turns", "--passes");
  char unused[24];
  if (kernel_option(command_line, "godwit.poweroff", unused, unused)) power(POWER_OFF);

  char *const button[] = {"/bin/godwit-guest", "power-button", 0};
  start(button, 0);
  char *const shell[] = {"/bin/sh", 0};
  for (;;) {
    i64 shell_pid = start(shell, 1);
    u64 started = clock_nanos(CLOCK_MONOTONIC);
    for (int running = 1; running;) {
      i64 signal = sys4(SYS_sigtimedwait, P(&wanted), 0, 0, 8);
      if (signal == SIGUSR1 || signal == SIGUSR2) power(POWER_OFF); /* busybox halt, poweroff */
      if (signal == SIGTERM || signal == SIGINT) power(RESTART);    /* busybox reboot, ctrl-alt-del */
      for (i64 pid; (pid = sys4(SYS_wait4, (u64)-1, 0, 1 /* WNOHANG */, 0)) > 0;)
        if (pid == shell_pid) running = 0;
    }
    sleep_until(started + NANOS_PER_SECOND / 2); /* a shell that cannot start does not spin */
  }
}

/* ---- start ---------------------------------------------------------------------------------------------------------- */

__attribute__((used)) static void entry(u64 *stack) {
  int argc = (int)stack[0];
  char **argv = (char **)(stack + 1);
  if (sys1(SYS_getpid, 0) == 1) init();
  const char *command = argc > 1 ? argv[1] : "";
  if (equal(command, "heartbeat")) heartbeat(argc, argv);
  else if (equal(command, "workset")) workset(argc, argv);
  else if (equal(command, "locks")) locks(argc, argv);
  else if (equal(command, "dirty")) dirty(argc, argv);
  else if (equal(command, "rewrite")) rewrite(argc, argv);
  else if (equal(command, "fill")) fill(argc, argv);
  else if (equal(command, "clock")) clock_once(argc);
  else if (equal(command, "registers")) registers(argc, argv);
  else if (equal(command, "power-button")) power_button();
  else fail("commands are heartbeat, workset, locks, dirty, rewrite, fill, clock, registers, power-button; not: ", command);
  exit_with(0);
}

/* The kernel enters with the stack 16-aligned and argc at its top. */
__asm__(".globl _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call entry\n ud2\n");
