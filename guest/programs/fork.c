/*
 * Forks through ntdll: NtCreateProcess without a section clones the address space, and a thread is made that goes on in the clone on a
 * copy of the stack that called.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

typedef struct { LPVOID previousBase, previousLimit, base, limit, allocation; } INITIAL_TEB;
typedef struct { HANDLE process, thread; } CLIENT_ID;
typedef LONG(NTAPI *CREATE_PROCESS)(PHANDLE, ACCESS_MASK, PVOID attributes, HANDLE parent, BOOLEAN inherit, HANDLE section, HANDLE debug, HANDLE exception);
typedef LONG(NTAPI *CREATE_THREAD)(PHANDLE, ACCESS_MASK, PVOID attributes, HANDLE process, CLIENT_ID *, PCONTEXT, INITIAL_TEB *, BOOLEAN suspended);

static CREATE_PROCESS create_process;
static CREATE_THREAD create_thread;

enum { PAGES = 300, PAGE = 0x1000 };
static int global = 1;
static volatile char *memory;

/* The child begins here, in a clone of everything. */
static DWORD child_code;
static void __attribute__((noreturn)) child_main(void) {
  int wrong = 0;
  for (int i = 0; i < PAGES; i++) wrong += memory[i * PAGE] != (char)i;
  global++;
  for (int i = 0; i < PAGES; i += 2) memory[i * PAGE] = 99;
  for (int i = 0; i < PAGES; i++) wrong += memory[i * PAGE] != (i % 2 == 0 ? 99 : (char)i);
  char *block = malloc(5000);
  wrong += block == NULL;
  ExitProcess(wrong == 0 ? child_code + (DWORD)global : 1);
}

static LONG fork_process(HANDLE *process, void (*entry)(void)) {
  CONTEXT context = { .ContextFlags = CONTEXT_FULL };
  NT_TIB *tib = (NT_TIB *)NtCurrentTeb();
  INITIAL_TEB teb = { NULL, NULL, tib->StackBase, tib->StackLimit, NULL };
  MEMORY_BASIC_INFORMATION information;
  CLIENT_ID client;
  HANDLE thread;
  LONG status = create_process(process, PROCESS_ALL_ACCESS & 0x1fffff, NULL, GetCurrentProcess(), TRUE, NULL, NULL, NULL);
  if (status < 0) return status;
  VirtualQuery(&context, &information, sizeof information);
  teb.allocation = information.AllocationBase;
  GetThreadContext(GetCurrentThread(), &context);
  context.Eip = (DWORD)entry;
  context.Esp = ((DWORD)&context - 0x400) & ~15u;
  status = create_thread(&thread, THREAD_ALL_ACCESS & 0x1f03ff, NULL, *process, &client, &context, &teb, FALSE);
  if (status >= 0) CloseHandle(thread);
  return status;
}

static DWORD finish(HANDLE process) {
  DWORD code = 0;
  WaitForSingleObject(process, INFINITE);
  GetExitCodeProcess(process, &code);
  CloseHandle(process);
  return code;
}

/* A child that forks again, so many times one in the other; each adds one. */
static int depth;
static void __attribute__((noreturn)) nested_main(void) {
  HANDLE process;
  memory[0]++;
  if (--depth == 0) ExitProcess((DWORD)memory[0]);
  if (fork_process(&process, nested_main) < 0) ExitProcess(1000);
  DWORD code = finish(process);
  ExitProcess(code);
}

int main(void) {
  HMODULE ntdll = GetModuleHandleA("ntdll");
  HANDLE children[10];
  create_process = (CREATE_PROCESS)(void *)GetProcAddress(ntdll, "NtCreateProcess");
  create_thread = (CREATE_THREAD)(void *)GetProcAddress(ntdll, "NtCreateThread");
  memory = VirtualAlloc(NULL, PAGES * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  for (int i = 0; i < PAGES; i++) memory[i * PAGE] = (char)i;
  for (int i = 0; i < 10; i++) {
    child_code = 100 + (DWORD)i * 10;
    LONG status = fork_process(&children[i], child_main);
    if (status < 0) return printf("fork %d: %08lx\n", i, status), 1;
  }
  /* What the parent writes now, no child sees. */
  for (int i = 0; i < PAGES; i++) memory[i * PAGE] = 7;
  for (int i = 0; i < 10; i++) printf("child %d: %lu\n", i, finish(children[i]));
  int wrong = 0;
  for (int i = 0; i < PAGES; i++) wrong += memory[i * PAGE] != 7;
  printf("parent: global %d, %d pages changed\n", global, wrong);
  memory[0] = 0;
  depth = 5;
  HANDLE process;
  LONG status = fork_process(&process, nested_main);
  if (status < 0) return printf("nested: %08lx\n", status), 1;
  printf("nested: %lu, here %d\n", finish(process), memory[0]);
  /* Protections and freed memory are the child's own too. */
  DWORD old = 0;
  VirtualProtect((void *)memory, PAGE, PAGE_READONLY, &old);
  printf("old protection %lx\n", old);
  VirtualFree((void *)(memory + PAGE), 10 * PAGE, MEM_DECOMMIT);
  VirtualFree((void *)memory, 0, MEM_RELEASE);
  return 0;
}
