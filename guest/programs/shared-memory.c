/* 16 MB shared by name: a server, a client that answers through the same memory, and one that may only read. */
#include <stdio.h>
#include <string.h>
#include "try-except.h"

#define SIZE (16u << 20)
#define PAGE 4096
#define NAME "shrmem"

static char self[MAX_PATH];

static void print(const char *text) {
  DWORD done;
  WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), text, strlen(text), &done, NULL);
}

static void tell(const char *what, BOOL done) {
  char line[200];
  DWORD error = GetLastError();
  if (done) sprintf(line, "%s: yes\n", what);
  else sprintf(line, "%s: no, error %lu\n", what, error);
  print(line);
}

static DWORD run(const char *role, void *address) {
  STARTUPINFOA startup = { .cb = sizeof startup };
  PROCESS_INFORMATION child;
  char line[2 * MAX_PATH];
  DWORD code = 99;
  sprintf(line, "\"%s\" %s %p", self, role, address);
  if (!CreateProcessA(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &child)) return code;
  WaitForSingleObject(child.hProcess, INFINITE);
  GetExitCodeProcess(child.hProcess, &code);
  CloseHandle(child.hThread);
  CloseHandle(child.hProcess);
  return code;
}

/* Pages that hold what somebody has put there. */
static unsigned right(const unsigned *memory, unsigned mask) {
  unsigned count = 0;
  for (unsigned page = 0; page < SIZE / PAGE; page++) {
    const unsigned *at = memory + page * (PAGE / 4);
    count += at[0] == (page ^ mask) && at[PAGE / 4 - 1] == (page * 2654435761u ^ mask);
  }
  return count;
}

static void fill(unsigned *memory, unsigned mask) {
  for (unsigned page = 0; page < SIZE / PAGE; page++) {
    unsigned *at = memory + page * (PAGE / 4);
    at[0] = page ^ mask;
    at[PAGE / 4 - 1] = page * 2654435761u ^ mask;
  }
}

/* The client: somewhere else in its address space, the same memory. */
static int client(const char *theirs) {
  char text[100];
  void *taken = NULL;
  sscanf(theirs, "%p", &taken);
  VirtualAlloc(taken, PAGE, MEM_RESERVE, PAGE_READWRITE);
  char *pch = NULL;
HANDLE hMap=OpenFileMapping (FILE_MAP_WRITE | FILE_MAP_READ, 0, "shrmem");
if (hMap)
    pch = (char *) MapViewOfFile (hMap,
                                FILE_MAP_READ | FILE_MAP_WRITE, 0 , 0 , 0 ) ;
  if (pch == NULL) return 1;
  sprintf(text, "client: %u pages right, another address: %d\n", right((unsigned *)pch, 0), pch != taken);
  print(text);
  fill((unsigned *)pch, 0xffffffff);
  return 0;
}

static int reader(void) {
  DWORD old;
  HANDLE map = OpenFileMappingA(FILE_MAP_READ, FALSE, NAME);
  tell("reader: opened for reading", map != NULL);
  tell("reader: view for writing", MapViewOfFile(map, FILE_MAP_WRITE, 0, 0, 0) != NULL);
  tell("reader: view to execute", MapViewOfFile(map, FILE_MAP_EXECUTE | FILE_MAP_READ, 0, 0, 0) != NULL);
  tell("reader: view at an odd offset", MapViewOfFile(map, FILE_MAP_READ, 0, PAGE, 0) != NULL);
  tell("reader: view of too much", MapViewOfFile(map, FILE_MAP_READ, 0, 0, SIZE + 1) != NULL);
  char *view = MapViewOfFile(map, FILE_MAP_READ, 0, 0, 0);
  tell("reader: view for reading", view != NULL);
  char text[100];
  sprintf(text, "reader: %u pages right\n", right((unsigned *)view, 0xffffffff));
  print(text);
  __try {
    *(volatile char *)view = 1;
    print("reader: written\n");
  }
  __except(EXCEPTION_EXECUTE_HANDLER) {
    print("reader: access violation\n");
  }
  tell("reader: freed as private memory", VirtualFree(view, 0, MEM_RELEASE));
  tell("reader: guarded", VirtualProtect(view, PAGE, PAGE_READONLY | PAGE_GUARD, &old));
  CloseHandle(map);
  tell("reader: unmapped", UnmapViewOfFile(view + 5 * PAGE));
  tell("reader: unmapped twice", UnmapViewOfFile(view));
  tell("reader: an event of that name", CreateEventA(NULL, FALSE, FALSE, NAME) != NULL);
  return 0;
}

int main(int argc, char **argv) {
  GetModuleFileNameA(NULL, self, sizeof self);
  if (argc > 1) return strcmp(argv[1], "client") == 0 ? client(argv[2]) : reader();
  char *pch = NULL;
HANDLE hMap=CreateFileMapping(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, SIZE,
"shrmem");

if (hMap && GetLastError()== ERROR_ALREADY_EXISTS)
{
    CloseHandle (hMap);
    hMap=NULL;
}
if (hMap)
    pch = (char *)MapViewOfFile ( hMap,
                                FILE_MAP_READ | FILE_MAP_WRITE, 0 , 0 , 0 ) ;
  tell("server: mapped", pch != NULL);
  fill((unsigned *)pch, 0);
  SetLastError(0);
  HANDLE again = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, PAGE, NAME);
  tell("server: created again", GetLastError() != ERROR_ALREADY_EXISTS);
  CloseHandle(again);
  char text[100];
  sprintf(text, "server: client ended with %lu\n", run("client", pch));
  print(text);
  sprintf(text, "server: %u pages right\n", right((unsigned *)pch, 0xffffffff));
  print(text);
  sprintf(text, "server: reader ended with %lu\n", run("reader", pch));
  print(text);
  UnmapViewOfFile(pch);
  CloseHandle(hMap);
  tell("server: open when nobody has it", OpenFileMappingA(FILE_MAP_READ, FALSE, NAME) != NULL);
  return 0;
}
