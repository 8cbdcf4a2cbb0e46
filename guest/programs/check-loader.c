/* Loading and freeing libraries: attach calls, forwarders in circles, thread notices, TLS, refusals. */
#include <string.h>
#include <windows.h>
#include "ok.h"

typedef int (*function)(void);

static DWORD WINAPI work(LPVOID value) { return (DWORD)((function)value)(); }

int main(void) {
  char path[MAX_PATH];
  HMODULE a = LoadLibraryA("loader-a");
  ok(a != NULL, "load: %lu", GetLastError());
  if (a == NULL) return report("loader");
  char *events = (char *)GetProcAddress(a, "events");
  ok(events != NULL && strstr(events, "attach ") != NULL && strstr(events, "static") == NULL, "events: %s", events);
  ok(strstr(events, "bad-tls") == NULL, "implicit TLS of a library that was loaded later");
  ok(GetModuleHandleA("LOADER-A.DLL") == a, "found by name");
  ok(GetModuleFileNameA(a, path, sizeof path) > 0 && strstr(path, "loader-a.dll") != NULL, "path %s", path);
  ok(GetProcAddress(a, MAKEINTRESOURCEA(7)) == GetProcAddress(a, "own_value"), "ordinal 7");

  ok(GetModuleHandleA("loader-b") == NULL, "b is not loaded yet");
  function from_b = (function)GetProcAddress(a, "from_b");
  ok(from_b != NULL && from_b() == 42, "forwarder");
  HMODULE b = GetModuleHandleA("loader-b");
  ok(b != NULL && (function)GetProcAddress(b, "b_value") == from_b, "the forwarder brought b");
  ok((function)GetProcAddress(a, "by_ordinal") == from_b, "forwarder by ordinal");
  ok(GetProcAddress(b, "back_to_a") == GetProcAddress(a, "own_value"), "forwarder back");
  FARPROC none = GetProcAddress(a, "endless");
  ok(none == NULL, "forwarders in a circle");
  none = GetProcAddress(a, "nowhere");
  ok(none == NULL && GetLastError() == ERROR_PROC_NOT_FOUND, "forwarder to an absent name: %lu", GetLastError());
  none = GetProcAddress(a, "missing_library");
  ok(none == NULL && GetLastError() == ERROR_MOD_NOT_FOUND, "forwarder to an absent library: %lu", GetLastError());
  none = GetProcAddress(a, MAKEINTRESOURCEA(999));
  ok(none == NULL && GetLastError() == ERROR_INVALID_ORDINAL, "absent ordinal: %lu", GetLastError());

  function own = (function)GetProcAddress(a, "own_value");
  DWORD code = 0;
  HANDLE thread = CreateThread(NULL, 0, work, (LPVOID)own, 0, NULL);
  WaitForSingleObject(thread, INFINITE);
  GetExitCodeThread(thread, &code);
  ok(code == 111 && own() == 111, "TLS in a thread: %lu", code);
  ok(strstr(events, "thread ") != NULL && strstr(events, "end ") != NULL, "thread notices: %s", events);
  ok(DisableThreadLibraryCalls(a), "disable");
  *events = 0;
  thread = CreateThread(NULL, 0, work, (LPVOID)own, 0, NULL);
  WaitForSingleObject(thread, INFINITE);
  ok(*events == 0, "no more notices: %s", events);

  HMODULE again = LoadLibraryA("loader-a.dll");
  ok(again == a && FreeLibrary(again) && GetModuleHandleA("loader-a") == a, "counted");
  HMODULE pinned;
  ok(GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                        (LPCSTR)own, &pinned) && pinned == a, "by address");
  ok(FreeLibrary(a), "free");
  ok(GetModuleHandleA("loader-a") == NULL && GetModuleHandleA("loader-b") == NULL, "both are gone, though they form a circle");
  ok(GetEnvironmentVariableA("NT86_B_GONE", path, sizeof path) == 3, "b was told");
  ok(!FreeLibrary(a) && GetLastError() == ERROR_MOD_NOT_FOUND, "free what is not loaded: %lu", GetLastError());

  SetEnvironmentVariableA("NT86_REFUSE", "1");
  HMODULE refused = LoadLibraryA("loader-a.dll");
  ok(refused == NULL && GetLastError() == ERROR_DLL_INIT_FAILED, "refused by its own DllMain: %lu", GetLastError());
  ok(GetModuleHandleA("loader-a") == NULL, "and gone");
  SetEnvironmentVariableA("NT86_REFUSE", NULL);
  ok(FreeLibrary(LoadLibraryA("loader-a.dll")), "a second life");
  ok(LoadLibraryA("no-such-library") == NULL && GetLastError() == ERROR_MOD_NOT_FOUND, "absent: %lu", GetLastError());
  ok(LoadLibraryA("loader-a.def.dll") == NULL, "absent");
  HMODULE data = LoadLibraryExA("loader-b.dll", NULL, LOAD_LIBRARY_AS_DATAFILE);
  ok(data != NULL && ((UINT_PTR)data & 1) == 1 && FreeLibrary(data), "as data: %lu", GetLastError());
  ok(FindResourceA(NULL, "none", (LPCSTR)RT_RCDATA) == NULL && GetLastError() == ERROR_RESOURCE_DATA_NOT_FOUND, "no resources");
  return report("loader");
}
