/*
 * The kernels of the CPU benchmark. Each round of one does the same work and ends with a byte to
 * the debug console, port E9h: '!' if the result is wrong, '.' if it is right. Rounds go on until
 * the machine is stopped.
 */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;

static void out(u8 byte) { __asm__ volatile("outb %0, $0xe9" : : "a"(byte)); }

static u64 state;

static u64 random(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

/* Arithmetic in registers. */
static u64 alu(void) {
  u64 x = 88172645463325252ul, sum = 0;
  for (u32 i = 0; i < 8000000; i++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    sum += x;
  }
  return sum;
}

#define CRC_BYTES 262144
static u8 buffer[1 << 20];

/* CRC-32, bit by bit. */
static u64 crc(void) {
  u32 c = ~0u;
  for (u32 i = 0; i < CRC_BYTES; i++) {
    c ^= buffer[i];
    for (int bit = 0; bit < 8; bit++) {
      c = c & 1 ? c >> 1 ^ 0xEDB88320u : c >> 1;
    }
  }
  return c;
}

#define SIEVE (1 << 20)
static u8 composite[SIEVE];

static u64 sieve(void) {
  u32 primes = 0;
  for (u32 i = 0; i < SIEVE; i++) {
    ((volatile u8 *)composite)[i] = 0;
  }
  for (u32 i = 2; i < SIEVE; i++) {
    if (!composite[i]) {
      primes++;
      for (u64 j = (u64)i * i; j < SIEVE; j += i) {
        composite[j] = 1;
      }
    }
  }
  return primes;
}

#define SORTED (1 << 17)
static u32 numbers[SORTED];

static void quicksort(u32 *first, u32 *last) {
  while (last - first > 0) {
    u32 pivot = first[(last - first) / 2], *i = first, *j = last;
    while (i <= j) {
      while (*i < pivot) i++;
      while (*j > pivot) j--;
      if (i <= j) {
        u32 t = *i;
        *i++ = *j;
        *j-- = t;
      }
    }
    quicksort(first, j);
    first = i;
  }
}

static u64 sort(void) {
  state = 99;
  for (u32 i = 0; i < SORTED; i++) numbers[i] = (u32)random();
  quicksort(numbers, numbers + SORTED - 1);
  u64 sum = 0;
  for (u32 i = 1; i < SORTED; i++) {
    if (numbers[i - 1] > numbers[i]) return 0;
    sum += (u64)numbers[i] * i;
  }
  return sum;
}

#define PACKED (1 << 19)
static u8 packed[PACKED + 64];
static u8 unpacked[2 << 20];
static u32 packed_bytes;

/* Makes sequences as those of LZ4: literals, then a match some way back. */
static void pack(void) {
  u32 at = 0, made = 0;
  state = 7;
  while (at < PACKED - 64 && made < (2 << 20) - 64) {
    u32 literals = 1 + random() % 12, match = 4 + random() % 24;
    u32 back = 1 + random() % (made + literals < 60000 ? made + literals : 60000);
    packed[at++] = (u8)literals;
    for (u32 i = 0; i < literals; i++) packed[at++] = (u8)random();
    packed[at++] = (u8)match;
    packed[at++] = (u8)back;
    packed[at++] = (u8)(back >> 8);
    made += literals + match;
  }
  packed_bytes = at;
}

static u64 unpack(void) {
  const u8 *from = packed, *end = packed + packed_bytes;
  volatile u8 *to = unpacked; /* byte by byte: no library function */
  while (from < end) {
    u32 literals = *from++;
    while (literals--) *to++ = *from++;
    u32 match = from[0], back = from[1] | from[2] << 8;
    from += 3;
    volatile u8 *source = to - back;
    while (match--) *to++ = *source++;
  }
  u64 sum = 0;
  for (u8 *p = unpacked; p < (u8 *)to; p += 61) sum = sum * 31 + *p;
  return sum;
}

#define NODES 8192
static struct node {
  struct node *next;
  u64 value[7];
} nodes[NODES];

/* A ring of nodes in random order. */
static void chain(void) {
  static u32 order[NODES];
  state = 5;
  for (u32 i = 0; i < NODES; i++) order[i] = i;
  for (u32 i = NODES - 1; i > 0; i--) {
    u32 j = random() % (i + 1), t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
  for (u32 i = 0; i < NODES; i++) {
    nodes[order[i]].next = &nodes[order[(i + 1) % NODES]];
    nodes[order[i]].value[0] = i;
  }
}

static u64 chase(void) {
  u64 sum = 0;
  struct node *n = nodes;
  for (u32 i = 0; i < 4000000; i++) {
    sum += n->value[0];
    n = n->next;
  }
  return sum;
}

#define PAGES 512
static u64 pages[PAGES * 512] __attribute__((aligned(4096)));

/* A store to each of many pages. */
static u64 dirty(void) {
  for (u32 i = 0; i < 8000; i++) {
    for (u32 p = 0; p < PAGES; p++) {
      ((volatile u64 *)pages)[p * 512] = i + p;
    }
  }
  return pages[511 * 512];
}

/* Sequential stores. */
static u64 stores(void) {
  for (u32 round = 0; round < 16; round++) {
    for (u32 i = 0; i < PAGES * 512; i += 4) {
      volatile u64 *p = pages + i;
      p[0] = i;
      p[1] = round;
      p[2] = i;
      p[3] = round;
    }
  }
  return pages[4095] + pages[4094];
}

/* A stack machine with threaded code: an indirect branch every few instructions. */
static u8 program[4096];

static void compile(void) {
  state = 3;
  for (u32 i = 0; i < sizeof program - 1; i++) program[i] = (u8)(random() >> 11 & 7);
  program[sizeof program - 1] = 8;
}

static u64 interpret(void) {
  static const void *const labels[] = {&&add, &&xor, &&push, &&rotate, &&store,
                                       &&load, &&swap, &&count, &&end};
  u64 a = 1, b = 2, slots[8] = {0};
  u32 n = 0;
  for (u32 round = 0; round < 600; round++) {
    const u8 *pc = program;
    goto *labels[*pc++];
  add: a += b; goto *labels[*pc++];
  xor: a ^= b; goto *labels[*pc++];
  push: b = a + n; goto *labels[*pc++];
  rotate: a = a << 7 | a >> 57; goto *labels[*pc++];
  store: slots[n & 7] = a; goto *labels[*pc++];
  load: b = slots[b & 7]; goto *labels[*pc++];
  swap: { u64 t = a; a = b; b = t; } goto *labels[*pc++];
  count: n++; goto *labels[*pc++];
  end:;
  }
  return a + b + n;
}

/* Never returns. */
void rounds(u32 kernel) {
  static u64 (*const work[])(void) = {alu, crc, sieve, sort, unpack, chase, dirty, stores, interpret};
  state = 1;
  for (u32 i = 0; i < sizeof buffer; i++) buffer[i] = (u8)random();
  pack();
  chain();
  compile();
  out('s');
  u64 expected = work[kernel]();
  out('.');
  while (1) out(work[kernel]() == expected ? '.' : '!');
}
