/*
 * Executes single instructions on the processor it runs on and records what they did. Reads jobs from standard input, writes
 * results to standard output; generate.mjs builds and feeds it. Formats: job-file.ts.
 *
 * A job's state is put into the frame of a signal and loaded by returning from the handler. Behind the instruction lie INT3
 * bytes, or TF is set; so its end, like any exception, is the next signal, whose frame holds the state afterwards.
 *
 * gcc -m32 -O1 -static -fno-stack-protector -Wl,-Ttext-segment=0x60000000 executor.c
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096u
#define MAXIMUM_PAGES 64
#define SIGNAL_STACK 65536
#define FX_IMAGE 112 /* behind the FSAVE image in a 32-bit signal frame */
#define TF 0x100u
/* Flags that sigreturn loads: the others are the kernel's. */
#define LOADABLE_FLAGS 0x50dd5u

enum mode { UNTIL_INT3 = 0, SINGLE_STEP = 1 };
enum { COMPLETED = 255 };

struct state {
  uint32_t gpr[8]; /* EAX ECX EDX EBX ESP EBP ESI EDI */
  uint32_t eip, eflags;
  uint16_t selectors[6]; /* ES CS SS DS FS GS */
  uint16_t fcw, fsw, ftw, reserved;
  uint32_t mxcsr;
  uint8_t st[8][10];
  uint8_t xmm[8][16];
} __attribute__((packed));

struct page {
  uint32_t address;
  uint32_t protection; /* PROT_* of the address; the alias can always be written */
  uint8_t *alias;
};

static const int gpr_slots[8] = {REG_EAX, REG_ECX, REG_EDX, REG_EBX, REG_ESP, REG_EBP, REG_ESI, REG_EDI};
static const int selector_slots[6] = {REG_ES, REG_CS, REG_SS, REG_DS, REG_FS, REG_GS};

static struct page pages[MAXIMUM_PAGES];
static uint32_t page_count;
static uint8_t *contents; /* of all pages, before every job */
static uint8_t *expected; /* contents with the patches of the running job */
static const uint8_t *job, *jobs_end;
static uint8_t *result;
static uint8_t job_length, job_mode;
static uint32_t job_eip;
static int running;
static uint16_t own_gs;
static ucontext_t first_context;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static uint32_t take32(void) {
  uint32_t value;
  memcpy(&value, job, 4);
  job += 4;
  return value;
}

static void put(const void *bytes, uint32_t size) {
  memcpy(result, bytes, size);
  result += size;
}

static void put32(uint32_t value) { put(&value, 4); }

/* Writes through the aliases; bytes outside all pages are a mistake of the job. */
static void patch(uint32_t address, const uint8_t *bytes, uint32_t size) {
  for (uint32_t at = 0; at < size; at++) {
    for (uint32_t number = 0; number < page_count; number++) {
      uint32_t offset = address + at - pages[number].address;
      if (offset < PAGE) expected[number * PAGE + offset] = bytes[at];
    }
  }
}

static void load_state(ucontext_t *context, const struct state *state) {
  greg_t *registers = context->uc_mcontext.gregs;
  for (int i = 0; i < 8; i++) registers[gpr_slots[i]] = state->gpr[i];
  for (int i = 0; i < 6; i++) registers[selector_slots[i]] = state->selectors[i];
  registers[REG_EIP] = state->eip;
  registers[REG_EFL] = (state->eflags & LOADABLE_FLAGS) | 0x202 | (job_mode == SINGLE_STEP ? TF : 0);

  uint8_t *frame = (uint8_t *)context->uc_mcontext.fpregs;
  uint32_t tags = 0;
  for (int i = 0; i < 8; i++) {
    if ((state->ftw >> i & 1) == 0) tags |= 3u << (2 * i);
  }
  uint32_t environment[3] = {0xffff0000u | state->fcw, 0xffff0000u | state->fsw, 0xffff0000u | tags};
  memcpy(frame, environment, 12);
  memcpy(frame + 28, state->st, 80);
  uint8_t *fx = frame + FX_IMAGE;
  memcpy(fx, &state->fcw, 2);
  memcpy(fx + 2, &state->fsw, 2);
  fx[4] = (uint8_t)state->ftw;
  memcpy(fx + 24, &state->mxcsr, 4);
  for (int i = 0; i < 8; i++) memcpy(fx + 32 + 16 * i, state->st[i], 10);
  memcpy(fx + 160, state->xmm, 128);
}

static void save_state(const ucontext_t *context, struct state *state) {
  const greg_t *registers = context->uc_mcontext.gregs;
  memset(state, 0, sizeof *state);
  for (int i = 0; i < 8; i++) state->gpr[i] = registers[gpr_slots[i]];
  for (int i = 0; i < 6; i++) state->selectors[i] = (uint16_t)registers[selector_slots[i]];
  state->eip = registers[REG_EIP];
  state->eflags = registers[REG_EFL];
  const uint8_t *fx = (const uint8_t *)context->uc_mcontext.fpregs + FX_IMAGE;
  memcpy(&state->fcw, fx, 2);
  memcpy(&state->fsw, fx + 2, 2);
  state->ftw = fx[4];
  memcpy(&state->mxcsr, fx + 24, 4);
  for (int i = 0; i < 8; i++) memcpy(state->st[i], fx + 32 + 16 * i, 10);
  memcpy(state->xmm, fx + 160, 128);
}

/* Runs of bytes that the instruction changed: count, then address, size and bytes of each. */
static void put_changes(void) {
  uint8_t *count_at = result;
  uint32_t count = 0;
  put32(0);
  for (uint32_t number = 0; number < page_count; number++) {
    const uint8_t *before = expected + number * PAGE, *after = pages[number].alias;
    if (memcmp(before, after, PAGE) == 0) continue;
    for (uint32_t at = 0; at < PAGE; at++) {
      if (before[at] == after[at]) continue;
      uint32_t start = at;
      while (at < PAGE && before[at] != after[at]) at++;
      put32(pages[number].address + start);
      put32(at - start);
      put(after + start, at - start);
      count++;
    }
  }
  memcpy(count_at, &count, 4);
}

static void record(ucontext_t *context) {
  greg_t *registers = context->uc_mcontext.gregs;
  uint32_t trap = registers[REG_TRAPNO];
  if (job_mode == UNTIL_INT3 && trap == 3 && (uint32_t)registers[REG_EIP] == job_eip + job_length + 1) {
    registers[REG_EIP]--;
    trap = COMPLETED;
  }
  if (job_mode == SINGLE_STEP && trap == 1) trap = COMPLETED;
  struct state state;
  save_state(context, &state);
  put32(trap);
  put32(registers[REG_ERR]);
  put32(context->uc_mcontext.cr2);
  put(&state, sizeof state);
  put_changes();
}

/* A job: length, mode, two bytes unused, linear address of the code, 16 bytes of code, state, patches. */
static void start(ucontext_t *context) {
  job_length = job[0];
  job_mode = job[1];
  job += 4;
  uint32_t linear = take32();
  const uint8_t *code = job;
  job += 16;
  struct state state;
  memcpy(&state, job, sizeof state);
  job += sizeof state;
  job_eip = state.eip;
  memcpy(expected, contents, page_count * PAGE);
  for (uint32_t count = take32(); count > 0; count--) {
    uint32_t address = take32(), size = take32();
    patch(address, job, size);
    job += size;
  }
  patch(linear, code, job_length);
  for (uint32_t number = 0; number < page_count; number++) {
    memcpy(pages[number].alias, expected + number * PAGE, PAGE);
    /* Present in the page tables before the instruction comes. */
    if (pages[number].protection != PROT_NONE) (void)*(volatile uint8_t *)pages[number].address;
  }
  load_state(context, &state);
}

static void handler(int number, siginfo_t *information, void *argument) {
  /* AC, NT and ID are still as the instruction left them, and sigreturn would leave them so for the next job. */
  __asm__ volatile("pushl $0x202; popfl" : : : "memory", "cc");
  __asm__ volatile("mov %0, %%gs" : : "m"(own_gs));
  (void)number;
  (void)information;
  ucontext_t *context = argument;
  if (running) {
    record(context);
  } else {
    memcpy(&first_context, context, sizeof first_context);
    running = 1;
  }
  if (job < jobs_end) {
    start(context);
  } else {
    memcpy(context->uc_mcontext.gregs, first_context.uc_mcontext.gregs, sizeof(gregset_t));
  }
}

static void map_pages(const uint8_t *map) {
  int file = memfd_create("pages", 0);
  if (file < 0 || ftruncate(file, page_count * PAGE) != 0) fail("memfd");
  uint8_t *alias = mmap((void *)0x68000000, page_count * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
  if (alias == MAP_FAILED) fail("mmap of the aliases");
  memcpy(alias, contents, page_count * PAGE);
  for (uint32_t number = 0; number < page_count; number++) {
    struct page *page = &pages[number];
    memcpy(&page->address, map + 8 * number, 4);
    memcpy(&page->protection, map + 8 * number + 4, 4);
    page->alias = alias + number * PAGE;
    void *at = mmap((void *)page->address, PAGE, page->protection, MAP_SHARED | MAP_FIXED, file, number * PAGE);
    if (at != (void *)page->address) fail("mmap of a page");
  }
}

int main(void) {
  /* Input: size, page count, LDT entry count, LDT entries (struct user_desc), page map, contents of the pages, jobs. */
  uint32_t size;
  if (fread(&size, 4, 1, stdin) != 1) fail("input");
  uint8_t *input = malloc(size);
  if (input == NULL || fread(input, 1, size, stdin) != size) fail("input");
  job = input;
  jobs_end = input + size;
  page_count = take32();
  if (page_count > MAXIMUM_PAGES) fail("too many pages");
  uint32_t entries = take32();
  for (uint32_t i = 0; i < entries; i++) {
    struct user_desc descriptor;
    memcpy(&descriptor, job, sizeof descriptor);
    job += sizeof descriptor;
    if (syscall(SYS_modify_ldt, 0x11, &descriptor, sizeof descriptor) != 0) fail("modify_ldt");
  }
  const uint8_t *map = job;
  job += 8 * page_count;
  contents = malloc(page_count * PAGE);
  expected = malloc(page_count * PAGE);
  memcpy(contents, job, page_count * PAGE);
  job += page_count * PAGE;
  map_pages(map);
  mlockall(MCL_CURRENT);

  uint32_t capacity = size + (192u << 20);
  uint8_t *results = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (results == MAP_FAILED) fail("mmap of the results");
  result = results;
  __asm__ volatile("mov %%gs, %0" : "=m"(own_gs));

  stack_t stack = {.ss_sp = malloc(SIGNAL_STACK), .ss_size = SIGNAL_STACK};
  sigaltstack(&stack, NULL);
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  const int signals[] = {SIGUSR1, SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);
  raise(SIGUSR1);

  if (fwrite(results, 1, result - results, stdout) != (size_t)(result - results)) fail("output");
  return 0;
}
