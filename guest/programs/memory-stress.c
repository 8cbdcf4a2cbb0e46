/*
 * Every kind of memory at once, at random and checked: pages of AWE, large pages, write watch, code and data, MEM_RESET, sections, forks, and
 * more private memory than the machine has. Arguments: seconds of virtual time, seed, megabytes of private memory.
 * Allocations may fail; what was allocated must hold what was written. An in-page error of private memory ends the program with status 200.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "ok.h"
#include "privilege.h"

enum { PAGE = 0x1000, FRAMES = 256, WINDOW = 32, WATCHED = 64, RESET = 64, SECTION = 128 };

static unsigned state;
static unsigned next(unsigned limit) {
  state = state * 1664525 + 1013904223;
  return (state >> 8) % limit;
}

/* --- pages of AWE: frame i holds i + 1 and its last stamp, wherever it is mapped. */
static ULONG_PTR frames[FRAMES], frame_count;
static unsigned frame_stamps[FRAMES], *window;
static unsigned mapped[WINDOW]; /* frame + 1 in each page of the window */

static void awe_step(void) {
  if (frame_count == 0) {
    ULONG_PTR count = 16 + next(FRAMES - 16);
    if (!AllocateUserPhysicalPages(GetCurrentProcess(), &count, frames)) return;
    frame_count = count;
    memset(frame_stamps, 0, sizeof frame_stamps);
    memset(mapped, 0, sizeof mapped);
    return;
  }
  if (next(40) == 0) {
    ULONG_PTR count = frame_count;
    ok(FreeUserPhysicalPages(GetCurrentProcess(), &count, frames) && count == frame_count, "free of %lu pages", frame_count);
    ok(IsBadReadPtr(window, 4), "pages of AWE that were freed are mapped");
    frame_count = 0;
    return;
  }
  unsigned page = next(WINDOW), count = 1 + next(WINDOW - page), first = next(frame_count);
  if (first + count > frame_count) count = frame_count - first;
  unsigned elsewhere = 0;
  for (unsigned i = 0; i < WINDOW; i++) {
    if (mapped[i] > first && mapped[i] <= first + count && (i < page || i >= page + count)) elsewhere++;
  }
  BOOL done = MapUserPhysicalPages(window + page * 1024, count, frames + first);
  ok(done == (elsewhere == 0), "map of %u pages, %u of them mapped elsewhere: %d", count, elsewhere, done);
  if (done) for (unsigned i = 0; i < count; i++) mapped[page + i] = first + i + 1;
  for (unsigned i = 0; i < WINDOW; i++) {
    if (mapped[i] == 0) continue;
    unsigned frame = mapped[i] - 1;
    ok(window[i * 1024 + 7] == frame_stamps[frame], "frame %u holds %x, not %x", frame, window[i * 1024 + 7], frame_stamps[frame]);
    window[i * 1024 + 7] = frame_stamps[frame] = next(1u << 24);
  }
  if (next(4) == 0) {
    ok(MapUserPhysicalPages(window, WINDOW, NULL), "unmap");
    memset(mapped, 0, sizeof mapped);
  }
}

/* --- one large page, while memory has one. */
enum { PLACES = 64 };
static unsigned *large, large_stamps[PLACES];

static void large_step(void) {
  SIZE_T size = GetLargePageMinimum(), stride = size / 4 / PLACES;
  if (large == NULL) {
    large = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES, PAGE_READWRITE);
    memset(large_stamps, 0, sizeof large_stamps);
  } else if (next(8) == 0) {
    ok(VirtualFree(large, 0, MEM_RELEASE), "release of a large page");
    large = NULL;
  }
  if (large == NULL) return;
  for (unsigned place = next(3); place < PLACES; place += 3) {
    ok(large[place * stride] == large_stamps[place], "a large page holds %x, not %x", large[place * stride], large_stamps[place]);
    large[place * stride] = large_stamps[place] = next(1u << 24);
  }
}

/* --- write watch: exactly the pages that were written. */
static unsigned *watched, watch_stamps[WATCHED];
static unsigned char written[WATCHED];

static void watch_step(void) {
  for (unsigned i = next(12); i > 0; i--) {
    unsigned page = next(WATCHED);
    ok(watched[page * 1024 + 3] == watch_stamps[page], "a watched page forgot");
    if (next(3) == 0) continue;
    watched[page * 1024 + 3] = watch_stamps[page] = next(1u << 24);
    written[page] = 1;
  }
  if (next(3) != 0) return;
  PVOID addresses[WATCHED];
  ULONG_PTR room = 1 + next(WATCHED), count = room;
  DWORD granularity, reset = next(2);
  ok(GetWriteWatch(reset, watched, WATCHED * PAGE, addresses, &count, &granularity) == 0, "GetWriteWatch");
  unsigned found = 0;
  for (unsigned page = 0; page < WATCHED && found < room; page++) {
    if (!written[page]) continue;
    ok(found < count && addresses[found] == watched + page * 1024, "page %u was written, which is not told", page);
    found++;
    if (reset) written[page] = 0;
  }
  ok(found == count, "%lu pages are told, %u were written", count, found);
}

/* --- code in a page that may be executed, and in one that may not. */
static unsigned char *code;
static BOOL no_execute, expecting;

static LONG CALLBACK on_exception(EXCEPTION_POINTERS *pointers) {
  EXCEPTION_RECORD *record = pointers->ExceptionRecord;
  if (record->ExceptionCode == EXCEPTION_IN_PAGE_ERROR) ExitProcess(200);
  if (record->ExceptionCode != EXCEPTION_ACCESS_VIOLATION || !expecting) return EXCEPTION_CONTINUE_SEARCH;
  expecting = FALSE;
  ok(record->ExceptionInformation[0] == 8, "an access of kind %lu", record->ExceptionInformation[0]);
  pointers->ContextRecord->Eip = *(DWORD *)pointers->ContextRecord->Esp;
  pointers->ContextRecord->Esp += 4;
  pointers->ContextRecord->Eax = 1000;
  return EXCEPTION_CONTINUE_EXECUTION;
}

static void code_step(void) {
  DWORD old, executable = next(2);
  unsigned char value = (unsigned char)next(200);
  if (!VirtualProtect(code, PAGE, PAGE_READWRITE, &old)) return;
  code[0] = 0xb8; /* mov eax, value; ret */
  code[1] = value;
  code[2] = code[3] = code[4] = 0;
  code[5] = 0xc3;
  if (executable && !VirtualProtect(code, PAGE, PAGE_EXECUTE_READ, &old)) return;
  expecting = no_execute && !executable;
  int got = ((int (*)(void))code)();
  ok(got == (no_execute && !executable ? 1000 : value), "code gave %d, not %d", got, value);
  expecting = FALSE;
}

/* --- MEM_RESET: what was given up is there or is zero. */
static unsigned *forgettable, reset_stamps[RESET];

static void reset_step(void) {
  unsigned page = next(RESET);
  unsigned *at = forgettable + page * 1024;
  if (next(3) == 0) {
    unsigned count = 1 + next(RESET - page);
    if (VirtualAlloc(at, count * PAGE, MEM_RESET, PAGE_READWRITE) == NULL) return;
    for (unsigned i = 0; i < count; i++) reset_stamps[page + i] |= 1;
    return;
  }
  ok(*at == (reset_stamps[page] & ~1u) || ((reset_stamps[page] & 1) != 0 && *at == 0), "a page that was reset holds %x", *at);
  *at = reset_stamps[page] = next(1u << 24) << 1;
}

/* --- a section, through a view that comes and goes. */
static HANDLE section;
static unsigned *view, section_stamps[SECTION];

static void section_step(void) {
  if (section == NULL) {
    section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, SECTION * PAGE, NULL);
    memset(section_stamps, 0, sizeof section_stamps);
    return;
  }
  if (view == NULL) view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  if (view == NULL) return;
  for (unsigned i = next(20); i > 0; i--) {
    unsigned page = next(SECTION);
    ok(view[page * 1024] == section_stamps[page], "a page of a section holds %x, not %x", view[page * 1024], section_stamps[page]);
    view[page * 1024] = section_stamps[page] = next(1u << 24);
  }
  if (next(4) != 0) return;
  ok(UnmapViewOfFile(view), "unmap");
  view = NULL;
  if (next(6) != 0) return;
  CloseHandle(section);
  section = NULL;
}

/* --- a fork: the clone sees what this process sees, but for pages of AWE and large pages; neither sees what the other writes then. */
typedef LONG(NTAPI *CREATE_PROCESS)(PHANDLE, ACCESS_MASK, PVOID, HANDLE, BOOLEAN, HANDLE, HANDLE, HANDLE);
typedef LONG(NTAPI *CREATE_THREAD)(PHANDLE, ACCESS_MASK, PVOID, HANDLE, PVOID, PCONTEXT, PVOID, BOOLEAN);

static void __attribute__((noreturn)) child_main(void) {
  DWORD wrong = 0;
  for (unsigned page = 0; page < WATCHED; page++) {
    wrong += watched[page * 1024 + 3] != watch_stamps[page];
    watched[page * 1024 + 3] = 1;
  }
  wrong += IsBadReadPtr(window, 4) ? 0 : 1;
  if (large != NULL) wrong += IsBadReadPtr(large, 4) ? 0 : 1;
  ExitProcess(wrong);
}

static void fork_step(void) {
  HMODULE ntdll = GetModuleHandleA("ntdll");
  CREATE_PROCESS create_process = (CREATE_PROCESS)(void *)GetProcAddress(ntdll, "NtCreateProcess");
  CREATE_THREAD create_thread = (CREATE_THREAD)(void *)GetProcAddress(ntdll, "NtCreateThread");
  CONTEXT context = { .ContextFlags = CONTEXT_FULL };
  NT_TIB *tib = (NT_TIB *)NtCurrentTeb();
  MEMORY_BASIC_INFORMATION stack;
  HANDLE process, thread, client[2];
  if (create_process(&process, 0x1f0fff, NULL, GetCurrentProcess(), TRUE, NULL, NULL, NULL) < 0) return;
  VirtualQuery(&context, &stack, sizeof stack);
  PVOID teb[5] = { NULL, NULL, tib->StackBase, tib->StackLimit, stack.AllocationBase };
  GetThreadContext(GetCurrentThread(), &context);
  context.Eip = (DWORD)child_main;
  context.Esp = ((DWORD)&context - 0x400) & ~15u;
  if (create_thread(&thread, 0x1f03ff, NULL, process, client, &context, teb, FALSE) >= 0) {
    DWORD status = 1;
    CloseHandle(thread);
    WaitForSingleObject(process, INFINITE);
    GetExitCodeProcess(process, &status);
    /* It may die of what goes wrong on purpose, which is no number of wrong pages. */
    ok(status == 0 || status >= 200, "the clone saw %lu wrong pages", status);
  } else TerminateProcess(process, 0);
  CloseHandle(process);
}

int main(int argc, char **argv) {
  DWORD seconds = argc > 1 ? strtoul(argv[1], NULL, 10) : 2;
  state = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
  unsigned pages = (argc > 3 ? strtoul(argv[3], NULL, 10) : 40) * 256, rounds = 0;
  DWORD begin = GetTickCount();
  no_execute = IsProcessorFeaturePresent(12);
  AddVectoredExceptionHandler(1, on_exception);
  if (!enable_privilege("SeLockMemoryPrivilege")) return 201;
  unsigned *memory = VirtualAlloc(NULL, pages * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE), *expected = calloc(pages, 4);
  window = VirtualAlloc(NULL, WINDOW * PAGE, MEM_RESERVE | MEM_PHYSICAL, PAGE_READWRITE);
  watched = VirtualAlloc(NULL, WATCHED * PAGE, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE);
  code = VirtualAlloc(NULL, PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  forgettable = VirtualAlloc(NULL, RESET * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  if (!memory || !expected || !window || !watched || !code || !forgettable) return 202;
  while (GetTickCount() - begin < seconds * 1000) {
    for (unsigned i = 0; i < 24; i++) {
      unsigned page = next(pages);
      ok(memory[page * 1024 + page % 1024] == expected[page], "private page %u forgot", page);
      memory[page * 1024 + page % 1024] = expected[page] = next(1u << 24);
    }
    awe_step();
    large_step();
    watch_step();
    code_step();
    reset_step();
    section_step();
    if (next(60) == 0) fork_step();
    if (next(50) == 0) SetProcessWorkingSetSize(GetCurrentProcess(), (SIZE_T)-1, (SIZE_T)-1);
    Sleep(next(30));
    rounds++;
  }
  printf("%u rounds\n", rounds);
  return report("memory-stress");
}
