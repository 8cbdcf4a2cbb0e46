/* The second DLL of check-loader.c: loader-a and loader-b forward to each other. */
#include <windows.h>

int b_value(void) { return 42; }

BOOL WINAPI DllMain(HINSTANCE base, DWORD reason, LPVOID reserved) {
  (void)base, (void)reserved;
  if (reason == DLL_PROCESS_DETACH) SetEnvironmentVariableA("NT86_B_GONE", "yes");
  return TRUE;
}
