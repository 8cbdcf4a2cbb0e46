/* Loads a DLL whose preferred base is this program's own: the loader relocates it. */
#include <stdio.h>
#include <windows.h>

typedef int (*add_function)(int);
typedef const char *(*text_function)(void);

int main(void) {
  HMODULE library = LoadLibraryA("rebase-library.dll");
  if (!library) return printf("cannot load: error %lu\n", GetLastError()), 1;
  add_function add = (add_function)GetProcAddress(library, "add_to_total");
  text_function text = (text_function)GetProcAddress(library, "library_text");
  printf("moved from its base: %s\n", (UINT_PTR)library != 0x400000 ? "yes" : "no");
  printf("add: %d %d\n", add(40), add(2));
  printf("text through a relocated pointer: %s\n", text());
  printf("by ordinal is the same: %s\n", GetProcAddress(library, MAKEINTRESOURCEA(1)) == (FARPROC)add ? "yes" : "no");
  printf("absent export: %s, error %lu\n", GetProcAddress(library, "absent") ? "found" : "none", GetLastError());
  HMODULE again = LoadLibraryA("REBASE-LIBRARY");
  printf("second load is the same module: %s\n", again == library ? "yes" : "no");
  FreeLibrary(again);
  printf("add: %d\n", add(1));
  FreeLibrary(library);
  printf("gone: %s\n", GetModuleHandleA("rebase-library.dll") ? "no" : "yes");
  return 0;
}
