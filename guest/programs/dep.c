/* Data execution prevention: what happens when code in data is called. Argument: "on" or "off", to change it for this process first. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

NTSYSAPI LONG NTAPI NtSetInformationProcess(HANDLE, ULONG, PVOID, ULONG);
NTSYSAPI LONG NTAPI NtQueryInformationProcess(HANDLE, ULONG, PVOID, ULONG, PULONG);

enum { ProcessExecuteFlags = 34, OPTION_DISABLE = 1, OPTION_ENABLE = 2 };

/* mov eax, 42; ret */
static const unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
static unsigned char data[16];
static ULONG_PTR kind, address;

/* The call has pushed its return address: it is taken as if the function had returned 0. */
static LONG WINAPI skip(EXCEPTION_POINTERS *exception) {
  EXCEPTION_RECORD *record = exception->ExceptionRecord;
  CONTEXT *context = exception->ContextRecord;
  if (record->ExceptionCode != EXCEPTION_ACCESS_VIOLATION) return EXCEPTION_CONTINUE_SEARCH;
  kind = record->ExceptionInformation[0];
  address = record->ExceptionInformation[1];
  context->Eip = *(DWORD *)context->Esp;
  context->Esp += 4;
  context->Eax = 0;
  return EXCEPTION_CONTINUE_EXECUTION;
}

static void try_call(const char *where, unsigned char *bytes) {
  memcpy(bytes, code, sizeof code);
  kind = address = 0;
  int (*volatile function)(void) = (int (*)(void))bytes;
  if (function() == 42) printf("%s: executed\n", where);
  else printf("%s: access violation, kind %lu, %s\n", where, (unsigned long)kind,
              address == (ULONG_PTR)bytes ? "its address" : "another address");
}

int main(int argc, char **argv) {
  unsigned char stack[16];
  ULONG flags = 0;
  AddVectoredExceptionHandler(1, skip);
  NtQueryInformationProcess(GetCurrentProcess(), ProcessExecuteFlags, &flags, sizeof flags, NULL);
  printf("options %lx, NX %s\n", flags, IsProcessorFeaturePresent(12) ? "present" : "absent");
  if (argc > 1) {
    flags = strcmp(argv[1], "on") == 0 ? OPTION_DISABLE : OPTION_ENABLE;
    printf("set options: %08lx\n", NtSetInformationProcess(GetCurrentProcess(), ProcessExecuteFlags, &flags, sizeof flags));
  }
  try_call("data", data);
  try_call("stack", stack);
  try_call("heap", HeapAlloc(GetProcessHeap(), 0, 16));
  try_call("PAGE_READWRITE", VirtualAlloc(NULL, 4096, MEM_COMMIT, PAGE_READWRITE));
  try_call("PAGE_EXECUTE_READWRITE", VirtualAlloc(NULL, 4096, MEM_COMMIT, PAGE_EXECUTE_READWRITE));
  return 0;
}
