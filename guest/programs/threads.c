/* Threads, a critical section, events, a semaphore, a mutex, thread-local storage and exit codes. */
#include <stdio.h>
#include <windows.h>

enum { WORKERS = 4, ROUNDS = 2000 };

static CRITICAL_SECTION lock;
static HANDLE start, slots, finished[WORKERS];
static DWORD tls;
static unsigned total;

static DWORD WINAPI work(void *argument) {
  unsigned id = (unsigned)(UINT_PTR)argument;
  TlsSetValue(tls, argument);
  WaitForSingleObject(start, INFINITE);
  for (int i = 0; i < ROUNDS; i++) {
    EnterCriticalSection(&lock);
    unsigned before = total;
    if (i % 100 == 0) Sleep(0);
    total = before + id;
    LeaveCriticalSection(&lock);
  }
  WaitForSingleObject(slots, INFINITE);
  Sleep(10);
  ReleaseSemaphore(slots, 1, NULL);
  SetEvent(finished[id - 1]);
  return TlsGetValue(tls) == argument ? 100 + id : 0;
}

int main(void) {
  HANDLE threads[WORKERS];
  InitializeCriticalSection(&lock);
  start = CreateEventA(NULL, TRUE, FALSE, NULL);
  slots = CreateSemaphoreA(NULL, 2, 2, NULL);
  tls = TlsAlloc();
  for (unsigned i = 0; i < WORKERS; i++) {
    finished[i] = CreateEventA(NULL, FALSE, FALSE, NULL);
    threads[i] = CreateThread(NULL, 0, work, (void *)(UINT_PTR)(i + 1), 0, NULL);
  }
  printf("nobody has started: total %u, wait says %lu\n", total, WaitForMultipleObjects(WORKERS, threads, FALSE, 0));
  SetEvent(start);
  printf("all events: %lu\n", WaitForMultipleObjects(WORKERS, finished, TRUE, INFINITE));
  printf("all threads: %lu\n", WaitForMultipleObjects(WORKERS, threads, TRUE, INFINITE));
  for (unsigned i = 0; i < WORKERS; i++) {
    DWORD code;
    GetExitCodeThread(threads[i], &code);
    printf("thread %u ended with %lu\n", i + 1, code);
    CloseHandle(threads[i]);
  }
  printf("total %u\n", total);
  HANDLE mutex = CreateMutexA(NULL, TRUE, "nt86-mutex");
  HANDLE again = CreateMutexA(NULL, FALSE, "nt86-mutex");
  printf("second mutex of the name: error %lu\n", GetLastError());
  printf("recursive wait %lu\n", WaitForSingleObject(again, 0));
  for (int i = 0; i < 3; i++) {
    BOOL released = ReleaseMutex(mutex);
    printf("release %d (error %lu)\n", released, released ? 0 : GetLastError());
  }
  return 0;
}
