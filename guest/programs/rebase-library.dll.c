/* The DLL of rebase.c; linked with the image base of a program, 00400000. */
#include <stdio.h>
#include <windows.h>

static const char *const texts[] = {"first", "the second text", "third"};
static int total;
static int *const total_pointer = &total;

__declspec(dllexport) int add_to_total(int value) { return *total_pointer += value; }

__declspec(dllexport) const char *library_text(void) { return texts[1]; }

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved) {
  (void)instance, (void)reserved;
  if (reason == DLL_PROCESS_ATTACH) printf("library attached\n");
  if (reason == DLL_PROCESS_DETACH) printf("library detached\n");
  fflush(stdout);
  return TRUE;
}
