/* Per-thread data, the numbered locks, and _beginthreadex. */
#include "crt.h"

static DWORD slot = TLS_OUT_OF_INDEXES;
static CRITICAL_SECTION locks[LOCKS];

void locks_initialise(void) {
  slot = TlsAlloc();
  for (int i = 0; i < LOCKS; i++) InitializeCriticalSection(&locks[i]);
}
void _lock(int number) { EnterCriticalSection(&locks[number]); }
void _unlock(int number) { LeaveCriticalSection(&locks[number]); }

/* Out of memory, all threads share one: errno must always be there. */
struct thread_data *thread_data(void) {
  static struct thread_data emergency;
  DWORD error = GetLastError();
  struct thread_data *data = TlsGetValue(slot);
  if (!data) {
    data = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof *data);
    if (data) data->random_seed = 1, TlsSetValue(slot, data);
  }
  SetLastError(error);
  return data ? data : &emergency;
}

void thread_data_free(void) {
  struct thread_data *data = TlsGetValue(slot);
  if (data) HeapFree(GetProcessHeap(), 0, data);
  TlsSetValue(slot, NULL);
}

void _endthreadex(unsigned code) { ExitThread(code); }
void _endthread(void) { ExitThread(0); }

static DWORD WINAPI start_extended(void *argument) {
  struct thread_data *data = argument;
  TlsSetValue(slot, data);
  _endthreadex(data->start(data->start_argument));
  return 0;
}

uintptr_t _beginthreadex(void *security, unsigned stack, unsigned(__stdcall *start)(void *), void *argument, unsigned flags,
                         unsigned *id) {
  struct thread_data *data = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof *data);
  DWORD thread_id;
  if (!start || !data) {
    if (data) HeapFree(GetProcessHeap(), 0, data);
    errno = start ? E_NOMEM : E_INVAL;
    return 0;
  }
  data->random_seed = 1;
  data->start = start;
  data->start_argument = argument;
  HANDLE handle = CreateThread(security, stack, start_extended, data, flags, &thread_id);
  if (!handle) {
    fail_with_last_error();
    HeapFree(GetProcessHeap(), 0, data);
  } else if (id) *id = thread_id;
  return (uintptr_t)handle;
}

static DWORD WINAPI start_plain(void *argument) {
  struct thread_data *data = argument;
  TlsSetValue(slot, data);
  ((void (*)(void *))(void *)data->start)(data->start_argument);
  _endthread();
  return 0;
}

/* The handle stays valid for the caller to wait on; it is closed with the process. */
uintptr_t _beginthread(void (*start)(void *), unsigned stack, void *argument) {
  struct thread_data *data = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof *data);
  if (!data) return (uintptr_t)fail_errno(E_NOMEM);
  data->random_seed = 1;
  data->start = (unsigned(__stdcall *)(void *))(void *)start;
  data->start_argument = argument;
  HANDLE handle = CreateThread(NULL, stack, start_plain, data, 0, NULL);
  if (!handle) {
    HeapFree(GetProcessHeap(), 0, data);
    return (uintptr_t)fail_with_last_error();
  }
  return (uintptr_t)handle;
}
