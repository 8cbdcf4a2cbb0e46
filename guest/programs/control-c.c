/*
 * What a program does about Ctrl-C and Ctrl-Break:
 *   control-c handler   two handlers, the later one is asked first
 *   control-c signal    SIGINT and SIGBREAK
 *   control-c ignore    Ctrl-C is ignored, Ctrl-Break ends it
 *   control-c default   nothing: it ends
 *   control-c own       events that it makes itself
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

static HANDLE happened;
static DWORD main_thread;
static volatile sig_atomic_t signalled;

static BOOL WINAPI first(DWORD event) {
  printf("first handler: event %lu, its own thread: %d\n", event, GetCurrentThreadId() != main_thread);
  SetEvent(happened);
  return TRUE;
}

static BOOL WINAPI second(DWORD event) {
  printf("second handler: event %lu\n", event);
  return FALSE;
}

static void on_signal(int number) { signalled = number; }

static void wait_for_signal(int number, void (*handler)(int)) {
  signal(number, handler);
  printf("waiting for signal %d\n", number);
  while (signalled != number) Sleep(10);
  printf("signal %d\n", number);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "default";
  setvbuf(stdout, NULL, _IONBF, 0);
  happened = CreateEvent(NULL, FALSE, FALSE, NULL);
  if (strcmp(mode, "handler") == 0 || strcmp(mode, "own") == 0) {
    SetConsoleCtrlHandler(first, TRUE);
    SetConsoleCtrlHandler(second, TRUE);
    main_thread = GetCurrentThreadId();
    printf("ready\n");
    for (int event = 0; event < 2; event++) {
      if (strcmp(mode, "own") == 0) GenerateConsoleCtrlEvent(event == 0 ? CTRL_C_EVENT : CTRL_BREAK_EVENT, 0);
      WaitForSingleObject(happened, INFINITE);
    }
    SetConsoleCtrlHandler(second, FALSE);
    printf("done\n");
    return 0;
  }
  if (strcmp(mode, "signal") == 0) {
    wait_for_signal(SIGINT, on_signal);
    wait_for_signal(SIGBREAK, on_signal);
    return 0;
  }
  if (strcmp(mode, "ignore") == 0) SetConsoleCtrlHandler(NULL, TRUE);
  printf("waiting\n");
  for (int i = 0; i < 100; i++) Sleep(20);
  printf("nothing has ended this\n");
  return 1;
}
