/* Calls every system service with arguments from a fixed-seed generator, from several threads that are killed when they wait
   for too long: hostile SEED ROUNDS CALLS. Nothing is promised but that the machine survives it. */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

enum { THREADS = 4, SERVICES = 0x130, ARGUMENTS = 20, AREA = 0x4000, NAME = 0x1000, STRINGS = 0x1800, ATTRIBUTES = 0x1900 };

static const WCHAR *const names[] = {
  L"\\??\\C:\\file", L"\\??\\C:\\directory\\", L"\\??\\C:\\WINDOWS\\system32\\ntdll.dll", L"\\??\\C:\\WINDOWS\\TEMP\\a",
  L"\\BaseNamedObjects\\one", L"\\BaseNamedObjects\\Two\\three", L"\\Device\\Null", L"\\Device\\Stream\\1",
  L"\\KnownDlls\\kernel32.dll", L"\\", L"", L"\\\\", L"relative", L"..\\..\\..", L"\\??\\C:\\file:stream", L"\\??", L"*?<>\"",
};

/* These are called seldom, for they end the test too soon. */
enum { RAISE_EXCEPTION = 0xbd, SUSPEND_PROCESS = 0x106, TERMINATE_PROCESS = 0x10a };

typedef struct {
  unsigned state;
  unsigned char area[AREA];
} Worker;

static Worker workers[THREADS];
static unsigned calls;
static HANDLE handles[64];

static unsigned next(Worker *worker) {
  unsigned x = worker->state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return worker->state = x;
}

static void putWord(Worker *worker, unsigned offset, unsigned value) {
  *(unsigned *)(worker->area + offset) = value;
}

/* A name with its UNICODE_STRING and OBJECT_ATTRIBUTES, sometimes with a lie in them, and random dwords. */
static void prepare(Worker *worker) {
  for (unsigned i = 0; i < 64; i++) {
    unsigned kind = next(worker) % 5;
    unsigned value = kind == 0 ? 0 : kind == 1 ? next(worker) % 0x100 : kind == 2 ? (unsigned)worker->area + next(worker) % AREA
      : kind == 3 ? (unsigned)-(int)(next(worker) % 1000000) : next(worker);
    putWord(worker, i * 4, value);
  }
  const WCHAR *name = names[next(worker) % (sizeof names / sizeof *names)];
  unsigned length = 0;
  while (name[length]) length++;
  memcpy(worker->area + NAME, name, length * 2 + 2);
  unsigned bytes = next(worker) % 50 == 0 ? next(worker) & 0xffff : length * 2;
  putWord(worker, STRINGS, bytes | (bytes + 2) << 16);
  putWord(worker, STRINGS + 4, (unsigned)(worker->area + NAME));
  unsigned attributes[] = {0x18, next(worker) % 4 ? 0 : (next(worker) % 40) * 4, (unsigned)(worker->area + STRINGS),
    next(worker) % 3 ? 0x40 : next(worker) & 0x3ff, 0, 0};
  if (next(worker) % 6 == 0) attributes[2] = 0;
  memcpy(worker->area + ATTRIBUTES, attributes, sizeof attributes);
}

static unsigned argument(Worker *worker) {
  static const unsigned special[] = {0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0x7ffe0000, 0x7fff0000, 0x7ffeffff, 0xc0300000,
    0x10, 0x2000000, 0x10000000, 0x1f0fff, 0x100000, 0x1000, 0x3000, 0x8000};
  switch (next(worker) % 16) {
  case 0: return 0;
  case 1: return next(worker) % 8;
  case 2: return next(worker) % 0x80;
  case 3: return 1u << next(worker) % 32;
  case 4: case 5: return (next(worker) % 60) * 4;
  case 6: return (unsigned)handles[next(worker) % 64];
  case 7: return special[next(worker) % (sizeof special / sizeof *special)];
  case 8: return next(worker);
  case 9: return 0xffffffff;
  case 10: return (unsigned)(worker->area + ATTRIBUTES);
  case 11: return (unsigned)(worker->area + STRINGS);
  case 12: return (unsigned)(worker->area + next(worker) % AREA);
  default: return (unsigned)(worker->area + (next(worker) % (AREA / 8)) * 4);
  }
}

static unsigned call(unsigned service, const unsigned *arguments) {
  unsigned status;
  __asm__ volatile("int $0x2e" : "=a"(status) : "a"(service), "d"(arguments) : "ecx", "memory");
  return status;
}

static int endsAll(unsigned service) {
  return service == RAISE_EXCEPTION || service == SUSPEND_PROCESS || service == TERMINATE_PROCESS;
}

/* A thread whose stack, registers or code are broken ends. */
static LONG CALLBACK endThread(EXCEPTION_POINTERS *exception) {
  (void)exception;
  ExitThread(2);
}

static DWORD WINAPI work(void *parameter) {
  Worker *worker = parameter;
  for (unsigned i = 0; i < calls; i++) {
    unsigned arguments[ARGUMENTS];
    prepare(worker);
    for (unsigned j = 0; j < ARGUMENTS; j++) arguments[j] = argument(worker);
    unsigned service = next(worker) % SERVICES;
    if (endsAll(service) && next(worker) % 64) continue;
    call(service, next(worker) % 100 ? arguments : (unsigned *)argument(worker));
  }
  return 0;
}

int main(int count, char **given) {
  unsigned seed = count > 1 ? atoi(given[1]) : 1, rounds = count > 2 ? atoi(given[2]) : 1, survived = 0;
  calls = count > 3 ? atoi(given[3]) : 100;
  for (unsigned i = 0; i < 64; i++) {
    HANDLE kinds[] = {CreateEventA(NULL, i & 1, FALSE, NULL), CreateMutexA(NULL, FALSE, NULL), CreateSemaphoreA(NULL, 1, 9, NULL),
      CreateWaitableTimerA(NULL, TRUE, NULL), GetStdHandle(STD_OUTPUT_HANDLE), GetCurrentProcess(), GetCurrentThread(),
      CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 0x4000, NULL)};
    handles[i] = kinds[i % 8];
  }
  AddVectoredExceptionHandler(1, endThread);
  for (unsigned round = 0; round < rounds; round++) {
    HANDLE threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
      workers[i].state = seed * 2654435761u + round * 40503u + i * 977u + 1;
      threads[i] = CreateThread(NULL, 0, work, &workers[i], 0, NULL);
    }
    if (WaitForMultipleObjects(THREADS, threads, TRUE, 2000) == 0) survived++;
    for (unsigned i = 0; i < THREADS; i++) TerminateThread(threads[i], 1);
    WaitForMultipleObjects(THREADS, threads, TRUE, 1000);
    for (unsigned i = 0; i < THREADS; i++) CloseHandle(threads[i]);
  }
  printf("%u rounds\n", rounds);
  return survived > rounds;
}
