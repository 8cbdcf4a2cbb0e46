/* Virtual time: sleeping costs no real time, and clocks agree with it. */
#include <stdio.h>
#include <time.h>
#include <windows.h>

static int calls;
static void CALLBACK tick(void *context, DWORD low, DWORD high) { (void)context, (void)low, (void)high, calls++; }

int main(void) {
  DWORD before = GetTickCount();
  time_t wall = time(NULL);
  Sleep(3600 * 1000);
  DWORD slept = GetTickCount() - before;
  printf("slept an hour: ticks %s, time() %s\n", slept >= 3600000 && slept < 3600100 ? "agree" : "disagree",
         time(NULL) - wall == 3600 || time(NULL) - wall == 3601 ? "agrees" : "disagrees");
  HANDLE timer = CreateWaitableTimerA(NULL, FALSE, NULL);
  LARGE_INTEGER due = {.QuadPart = -10000000};
  SetWaitableTimer(timer, &due, 500, tick, NULL, FALSE);
  for (int i = 0; i < 3; i++) SleepEx(INFINITE, TRUE);
  printf("timer APCs: %d\n", calls);
  LARGE_INTEGER frequency, start, stop;
  QueryPerformanceFrequency(&frequency);
  QueryPerformanceCounter(&start);
  Sleep(1000);
  QueryPerformanceCounter(&stop);
  long long elapsed = (stop.QuadPart - start.QuadPart) * 1000 / frequency.QuadPart;
  printf("performance counter: %s\n", elapsed >= 999 && elapsed < 1050 ? "one second" : "wrong");
  return 0;
}
