/* Slim locks, condition variables, one-time initialisation, thread and fiber local storage, APCs, named objects, lists. */
#include <string.h>
#include <windows.h>
#include "ok.h"

static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE not_empty = CONDITION_VARIABLE_INIT, not_full = CONDITION_VARIABLE_INIT;
static CRITICAL_SECTION section;
static int queue[8], head, count, shared_counter, initialised;
static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
static volatile LONG fls_calls, apc_sum;
static DWORD fls, tls;
static __thread int per_thread = 5;

static DWORD WINAPI add(LPVOID rounds) {
  for (int i = 0; i < (int)(INT_PTR)rounds; i++) {
    AcquireSRWLockExclusive(&lock);
    int old = shared_counter;
    if (i % 16 == 0) Sleep(0);
    shared_counter = old + 1;
    ReleaseSRWLockExclusive(&lock);
    AcquireSRWLockShared(&lock);
    if (shared_counter <= 0) shared_counter = -1000000;
    ReleaseSRWLockShared(&lock);
  }
  return 0;
}

static DWORD WINAPI produce(LPVOID items) {
  for (int i = 1; i <= (int)(INT_PTR)items; i++) {
    EnterCriticalSection(&section);
    while (count == 8) SleepConditionVariableCS(&not_full, &section, INFINITE);
    queue[(head + count++) % 8] = i;
    LeaveCriticalSection(&section);
    WakeConditionVariable(&not_empty);
  }
  return 0;
}

static DWORD WINAPI consume(LPVOID items) {
  DWORD sum = 0;
  for (int i = 0; i < (int)(INT_PTR)items; i++) {
    EnterCriticalSection(&section);
    while (count == 0) SleepConditionVariableCS(&not_empty, &section, INFINITE);
    sum += (DWORD)queue[head];
    head = (head + 1) % 8;
    count--;
    LeaveCriticalSection(&section);
    WakeConditionVariable(&not_full);
  }
  return sum;
}

static BOOL CALLBACK initialise(PINIT_ONCE o, PVOID parameter, PVOID *context) {
  (void)o, (void)parameter;
  Sleep(20);
  initialised++;
  *context = (PVOID)0x40;
  return TRUE;
}
static DWORD WINAPI use_once(LPVOID unused) {
  (void)unused;
  PVOID context = NULL;
  InitOnceExecuteOnce(&once, initialise, NULL, &context);
  return (DWORD)(UINT_PTR)context;
}

static void WINAPI fls_end(PVOID value) { InterlockedExchangeAdd(&fls_calls, (LONG)(INT_PTR)value); }
static DWORD WINAPI local_storage(LPVOID value) {
  if (TlsGetValue(tls) != NULL || per_thread != 5) return 1;
  per_thread += (int)(INT_PTR)value;
  TlsSetValue(tls, value);
  FlsSetValue(fls, value);
  Sleep(10);
  return TlsGetValue(tls) == value && FlsGetValue(fls) == value && per_thread == 5 + (int)(INT_PTR)value ? 0 : 2;
}

static void CALLBACK apc(ULONG_PTR value) { apc_sum += (LONG)value; }
static DWORD WINAPI sleeper(LPVOID unused) {
  (void)unused;
  while (apc_sum < 6) {
    if (SleepEx(INFINITE, TRUE) != WAIT_IO_COMPLETION) return 1;
  }
  return 0;
}

static DWORD run_all(LPTHREAD_START_ROUTINE routine, int threads, INT_PTR argument) {
  HANDLE handles[8];
  DWORD sum = 0, code;
  for (int i = 0; i < threads; i++) handles[i] = CreateThread(NULL, 0, routine, (PVOID)argument, 0, NULL);
  ok(WaitForMultipleObjects((DWORD)threads, handles, TRUE, 60000) == 0, "threads end");
  for (int i = 0; i < threads; i++) {
    GetExitCodeThread(handles[i], &code);
    sum += code;
    CloseHandle(handles[i]);
  }
  return sum;
}

/* Every relative priority and every class; the real-time class takes a privilege that kernel32 enables for the moment. */
static void check_priorities(void) {
  static const int priorities[] = { THREAD_PRIORITY_TIME_CRITICAL, THREAD_PRIORITY_HIGHEST, THREAD_PRIORITY_ABOVE_NORMAL,
    THREAD_PRIORITY_BELOW_NORMAL, THREAD_PRIORITY_LOWEST, THREAD_PRIORITY_IDLE, THREAD_PRIORITY_NORMAL };
  static const DWORD classes[] = { IDLE_PRIORITY_CLASS, BELOW_NORMAL_PRIORITY_CLASS, ABOVE_NORMAL_PRIORITY_CLASS,
    HIGH_PRIORITY_CLASS, REALTIME_PRIORITY_CLASS, NORMAL_PRIORITY_CLASS };
  HANDLE thread = GetCurrentThread(), process = GetCurrentProcess();
  for (unsigned i = 0; i < sizeof priorities / sizeof *priorities; i++) {
    ok(SetThreadPriority(thread, priorities[i]) && GetThreadPriority(thread) == priorities[i], "priority %d", priorities[i]);
  }
  ok(!SetThreadPriority(thread, 3) && GetLastError() == ERROR_INVALID_PARAMETER, "no such priority");
  for (unsigned i = 0; i < sizeof classes / sizeof *classes; i++) {
    ok(SetPriorityClass(process, classes[i]) && GetPriorityClass(process) == classes[i], "class %lx", classes[i]);
  }
  BOOL disabled = FALSE;
  ok(SetThreadPriorityBoost(thread, TRUE) && GetThreadPriorityBoost(thread, &disabled) && disabled, "no boosts");
  ok(SetProcessPriorityBoost(process, FALSE) && GetThreadPriorityBoost(thread, &disabled) && !disabled, "boosts for all");
}

int main(void) {
  check_priorities();
  InitializeCriticalSection(&section);
  run_all(add, 4, 300);
  ok(shared_counter == 1200, "counter %d", shared_counter);
  ok(TryAcquireSRWLockShared(&lock) && TryAcquireSRWLockShared(&lock) && !TryAcquireSRWLockExclusive(&lock), "two readers");
  ReleaseSRWLockShared(&lock);
  ReleaseSRWLockShared(&lock);
  ok(TryAcquireSRWLockExclusive(&lock) && !TryAcquireSRWLockShared(&lock), "one writer");
  ReleaseSRWLockExclusive(&lock);

  HANDLE producer = CreateThread(NULL, 0, produce, (PVOID)400, 0, NULL);
  ok(run_all(consume, 2, 200) == 400 * 401 / 2, "all items arrived once");
  ok(WaitForSingleObject(producer, 10000) == 0, "producer ends");
  EnterCriticalSection(&section);
  ok(!SleepConditionVariableCS(&not_empty, &section, 30) && GetLastError() == ERROR_TIMEOUT, "condition times out");
  LeaveCriticalSection(&section);

  ok(run_all(use_once, 5, 0) == 5 * 0x40 && initialised == 1, "initialised %d times", initialised);
  tls = TlsAlloc();
  fls = FlsAlloc(fls_end);
  ok(run_all(local_storage, 4, 3) == 0, "thread-local storage");
  ok(fls_calls == 12, "callbacks %ld", fls_calls);
  DWORD many[100];
  for (int i = 0; i < 100; i++) many[i] = TlsAlloc();
  ok(many[99] != TLS_OUT_OF_INDEXES && TlsSetValue(many[99], &many) && TlsGetValue(many[99]) == &many, "more than 64 slots");
  for (int i = 0; i < 100; i++) TlsFree(many[i]);
  ok(!TlsFree(many[50]) && GetLastError() == ERROR_INVALID_PARAMETER, "freed twice");

  HANDLE thread = CreateThread(NULL, 0, sleeper, NULL, 0, NULL);
  Sleep(5);
  for (ULONG_PTR i = 1; i <= 3; i++) ok(QueueUserAPC(apc, thread, i), "queue");
  DWORD code = 9;
  ok(WaitForSingleObject(thread, 5000) == 0 && GetExitCodeThread(thread, &code) && code == 0, "APCs delivered: %ld", apc_sum);

  HANDLE event = CreateEventA(NULL, TRUE, FALSE, "Local\\nt86-event");
  HANDLE same = OpenEventA(EVENT_ALL_ACCESS, FALSE, "nt86-event");
  ok(same != NULL && SetEvent(same) && WaitForSingleObject(event, 0) == 0, "named event");
  ok(CreateMutexA(NULL, FALSE, "nt86-event") == NULL && GetLastError() == ERROR_INVALID_HANDLE, "name of another type: %lu", GetLastError());
  HANDLE semaphore = CreateSemaphoreA(NULL, 1, 2, NULL);
  LONG previous = -1;
  ok(ReleaseSemaphore(semaphore, 1, &previous) && previous == 1, "release");
  ok(!ReleaseSemaphore(semaphore, 1, NULL) && GetLastError() == ERROR_TOO_MANY_POSTS, "too many");
  HANDLE mutex = CreateMutexA(NULL, FALSE, NULL);
  ok(!ReleaseMutex(mutex) && GetLastError() == ERROR_NOT_OWNER, "not the owner");
  DWORD before = GetTickCount();
  ok(WaitForSingleObject(mutex, 0) == 0 && WaitForSingleObject(semaphore, 0) == 0, "acquire");
  HANDLE both[2] = {event, mutex};
  ResetEvent(event);
  ok(WaitForMultipleObjects(2, both, TRUE, 100) == WAIT_TIMEOUT, "all of two");
  ok(GetTickCount() - before >= 93, "time passed: %lu", GetTickCount() - before);
  ok(WaitForMultipleObjects(2, both, FALSE, 0) == WAIT_OBJECT_0 + 1, "any of two");

  HANDLE low = CreateMemoryResourceNotification(LowMemoryResourceNotification);
  HANDLE high = CreateMemoryResourceNotification(HighMemoryResourceNotification);
  BOOL state = 9;
  ok(QueryMemoryResourceNotification(low, &state) && !state, "memory is not low");
  ok(QueryMemoryResourceNotification(high, &state) && state, "memory is plentiful");
  ok(WaitForSingleObject(high, 0) == 0 && WaitForSingleObject(low, 0) == WAIT_TIMEOUT, "waits for memory conditions");
  ok(CreateMemoryResourceNotification(2) == NULL && GetLastError() == ERROR_INVALID_PARAMETER, "no such condition");
  ok(!QueryMemoryResourceNotification(mutex, &state), "a mutex is no condition: %lu", GetLastError());

  SLIST_HEADER list;
  SLIST_ENTRY entries[3];
  InitializeSListHead(&list);
  for (int i = 0; i < 3; i++) InterlockedPushEntrySList(&list, &entries[i]);
  ok(QueryDepthSList(&list) == 3 && InterlockedPopEntrySList(&list) == &entries[2], "list");
  ok(InterlockedFlushSList(&list) == &entries[1] && InterlockedPopEntrySList(&list) == NULL, "flushed");
  return report("threads");
}
