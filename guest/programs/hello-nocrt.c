// The smallest program: no C runtime, two kernel32 functions, and an exit code that is the length of the greeting.
#include <windows.h>

void start(void) {
  static const char greeting[] = "Hello from ring 3.\r\n";
  DWORD written = 0;
  WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), greeting, sizeof greeting - 1, &written, NULL);
  ExitProcess(written);
}
