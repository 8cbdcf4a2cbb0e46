/* The first DLL of check-loader.c: records what the loader tells it, has TLS with a callback, forwards to loader-b. */
#include <string.h>
#include <windows.h>

char events[256];

static void note(const char *text) {
  if (strlen(events) + strlen(text) + 2 < sizeof events) strcat(strcat(events, text), " ");
}

/* Implicit thread-local storage as the image format has it: a template in .tls, a copy of it for each thread. */
extern ULONG _tls_index;
extern char _tls_start;
__attribute__((section(".tls$B"), used)) static int template = 11;

static int *per_thread(void) {
  char *block = ((char **)__readfsdword(0x2C))[_tls_index];
  return (int *)(block + ((char *)&template - &_tls_start));
}

static void NTAPI tls_callback(PVOID base, DWORD reason, PVOID reserved) {
  (void)base, (void)reserved;
  static const char *const names[] = {"tls-detach", "tls-attach", "tls-thread", "tls-end"};
  note(names[reason]);
}
__attribute__((section(".CRT$XLC"), used)) static PIMAGE_TLS_CALLBACK callback = tls_callback;

BOOL WINAPI DllMain(HINSTANCE base, DWORD reason, LPVOID reserved) {
  static const char *const names[] = {"detach", "attach", "thread", "end"};
  (void)base;
  note(names[reason]);
  if (reserved != NULL) note("static");
  if (*per_thread() != 11) note("bad-tls");
  return GetEnvironmentVariableA("NT86_REFUSE", NULL, 0) == 0;
}

int own_value(void) { return *per_thread() + 100; }
