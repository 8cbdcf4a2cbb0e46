// Slim reader/writer locks, condition variables and one-time initialisation, over keyed events.
//
// SRW lock: bit 0 owned, bits 1.. readers * 2 (0 readers and owned: a writer). Waiters queue in a block of their own,
// found by the address of the lock, so that the lock stays one word that needs no clean-up.
#include "kernel32.h"

#define OWNED 1u
#define READER 2u
#define BUCKETS 64u

typedef struct waiter {
  struct waiter *next;
  PVOID object;
  BOOLEAN shared;
} WAITER;

static RTL_CRITICAL_SECTION queue_lock = { NULL, -1, 0, NULL, NULL, 0 };
static WAITER *queues[BUCKETS];
static HANDLE keyed_event;

static HANDLE the_keyed_event(void) {
  if (keyed_event != NULL) return keyed_event;
  HANDLE handle;
  NTSTATUS status = NtCreateKeyedEvent(&handle, 0xF0003, NULL, 0);
  if (!NT_SUCCESS(status)) RtlRaiseStatus(status);
  if (!__sync_bool_compare_and_swap(&keyed_event, NULL, handle)) NtClose(handle);
  return keyed_event;
}

static WAITER **queue_of(PVOID object) { return &queues[((ULONG_PTR)object >> 3) % BUCKETS]; }

static void enqueue(WAITER *waiter, PVOID object, BOOLEAN shared) {
  WAITER **link = queue_of(object);
  while (*link != NULL) link = &(*link)->next;
  waiter->next = NULL;
  waiter->object = object;
  waiter->shared = shared;
  *link = waiter;
}

/* FALSE when somebody has taken it out already. */
static BOOLEAN dequeue(WAITER *waiter) {
  for (WAITER **link = queue_of(waiter->object); *link != NULL; link = &(*link)->next) {
    if (*link != waiter) continue;
    *link = waiter->next;
    return TRUE;
  }
  return FALSE;
}

static WAITER *first_waiter(PVOID object) {
  WAITER *waiter = *queue_of(object);
  while (waiter != NULL && waiter->object != object) waiter = waiter->next;
  return waiter;
}

static void wake(WAITER *waiter) {
  NtReleaseKeyedEvent(the_keyed_event(), (PVOID)((ULONG_PTR)waiter & ~(ULONG_PTR)1), FALSE, NULL);
}
static NTSTATUS sleep_until_woken(WAITER *waiter, PLARGE_INTEGER timeout) {
  return NtWaitForKeyedEvent(the_keyed_event(), (PVOID)((ULONG_PTR)waiter & ~(ULONG_PTR)1), FALSE, timeout);
}

// --- slim reader/writer locks
static BOOLEAN try_acquire(PSRWLOCK lock, BOOLEAN shared) {
  ULONG_PTR old = (ULONG_PTR)lock->Ptr;
  for (;;) {
    if (shared ? old == OWNED : old != 0) return FALSE;
    ULONG_PTR next = shared ? (old | OWNED) + READER : OWNED;
    ULONG_PTR seen = __sync_val_compare_and_swap((ULONG_PTR *)&lock->Ptr, old, next);
    if (seen == old) return TRUE;
    old = seen;
  }
}

static void acquire(PSRWLOCK lock, BOOLEAN shared) {
  while (!try_acquire(lock, shared)) {
    WAITER waiter;
    RtlEnterCriticalSection(&queue_lock);
    if (try_acquire(lock, shared)) {
      RtlLeaveCriticalSection(&queue_lock);
      return;
    }
    enqueue(&waiter, lock, shared);
    RtlLeaveCriticalSection(&queue_lock);
    sleep_until_woken(&waiter, NULL);
  }
}

/* Takes waiters off the queue: the first alone, or with a reader (or `all`) every one of its kind. */
static WAITER *take_waiters(PVOID object, BOOLEAN all, BOOLEAN readersTogether) {
  WAITER *taken = NULL, **end = &taken;
  RtlEnterCriticalSection(&queue_lock);
  WAITER *first = first_waiter(object);
  BOOLEAN readers = readersTogether && first != NULL && first->shared;
  for (WAITER **link = queue_of(object); first != NULL && *link != NULL;) {
    WAITER *waiter = *link;
    if (waiter->object != object || (readers && !waiter->shared)) {
      link = &waiter->next;
      continue;
    }
    *link = waiter->next;
    waiter->next = NULL;
    *end = waiter;
    end = &waiter->next;
    if (!all && !readers) break;
  }
  RtlLeaveCriticalSection(&queue_lock);
  return taken;
}

/* Outside the queue's lock: a release waits until the waiter sleeps, and the waiter may need that lock first. */
static void wake_all(WAITER *waiter) {
  while (waiter != NULL) {
    WAITER *next = waiter->next; // The waiter is gone once it is woken.
    wake(waiter);
    waiter = next;
  }
}

static void release_lock(PSRWLOCK lock) {
  ULONG_PTR old = (ULONG_PTR)lock->Ptr, next;
  for (;;) {
    next = old <= (OWNED | READER) ? 0 : old - READER;
    ULONG_PTR seen = __sync_val_compare_and_swap((ULONG_PTR *)&lock->Ptr, old, next);
    if (seen == old) break;
    old = seen;
  }
  if (next == 0 && *queue_of(lock) != NULL) wake_all(take_waiters(lock, FALSE, TRUE));
}

VOID WINAPI InitializeSRWLock(PSRWLOCK lock) { lock->Ptr = NULL; }
VOID WINAPI AcquireSRWLockExclusive(PSRWLOCK lock) { acquire(lock, FALSE); }
VOID WINAPI AcquireSRWLockShared(PSRWLOCK lock) { acquire(lock, TRUE); }
BOOLEAN WINAPI TryAcquireSRWLockExclusive(PSRWLOCK lock) { return try_acquire(lock, FALSE); }
BOOLEAN WINAPI TryAcquireSRWLockShared(PSRWLOCK lock) { return try_acquire(lock, TRUE); }
VOID WINAPI ReleaseSRWLockExclusive(PSRWLOCK lock) { release_lock(lock); }
VOID WINAPI ReleaseSRWLockShared(PSRWLOCK lock) { release_lock(lock); }

// --- condition variables
VOID WINAPI InitializeConditionVariable(PCONDITION_VARIABLE variable) { variable->Ptr = NULL; }

static BOOL finish_wait(WAITER *waiter, DWORD milliseconds) {
  LARGE_INTEGER storage;
  NTSTATUS status = sleep_until_woken(waiter, relative_timeout(milliseconds, &storage));
  if (status != STATUS_TIMEOUT) return TRUE;
  RtlEnterCriticalSection(&queue_lock);
  BOOLEAN stillQueued = dequeue(waiter);
  RtlLeaveCriticalSection(&queue_lock);
  if (stillQueued) return refuse(ERROR_TIMEOUT);
  sleep_until_woken(waiter, NULL); // A waker has chosen this waiter and is waiting for it.
  return TRUE;
}

BOOL WINAPI SleepConditionVariableCS(PCONDITION_VARIABLE variable, PCRITICAL_SECTION section, DWORD milliseconds) {
  WAITER waiter;
  RtlEnterCriticalSection(&queue_lock);
  enqueue(&waiter, variable, FALSE);
  RtlLeaveCriticalSection(&queue_lock);
  RtlLeaveCriticalSection(section);
  BOOL woken = finish_wait(&waiter, milliseconds);
  RtlEnterCriticalSection(section);
  return woken;
}

BOOL WINAPI SleepConditionVariableSRW(PCONDITION_VARIABLE variable, PSRWLOCK lock, DWORD milliseconds, ULONG flags) {
  WAITER waiter;
  BOOLEAN shared = (flags & CONDITION_VARIABLE_LOCKMODE_SHARED) != 0;
  RtlEnterCriticalSection(&queue_lock);
  enqueue(&waiter, variable, shared);
  RtlLeaveCriticalSection(&queue_lock);
  release_lock(lock);
  BOOL woken = finish_wait(&waiter, milliseconds);
  acquire(lock, shared);
  return woken;
}

static void wake_condition(PVOID variable, BOOLEAN all) { wake_all(take_waiters(variable, all, FALSE)); }
VOID WINAPI WakeConditionVariable(PCONDITION_VARIABLE variable) { wake_condition(variable, FALSE); }
VOID WINAPI WakeAllConditionVariable(PCONDITION_VARIABLE variable) { wake_condition(variable, TRUE); }

// --- one-time initialisation: 0 untouched, 1 running, otherwise the context with bit 1 set
#define ONCE_RUNNING 1u
#define ONCE_DONE 2u

VOID WINAPI InitOnceInitialize(PINIT_ONCE once) { once->Ptr = NULL; }

BOOL WINAPI InitOnceBeginInitialize(LPINIT_ONCE once, DWORD flags, PBOOL pending, LPVOID *context) {
  for (;;) {
    ULONG_PTR state = *(volatile ULONG_PTR *)&once->Ptr;
    if (state & ONCE_DONE) {
      *pending = FALSE;
      if (context != NULL) *context = (PVOID)(state & ~(ULONG_PTR)3);
      return TRUE;
    }
    if (flags & INIT_ONCE_CHECK_ONLY) {
      *pending = TRUE;
      return refuse(ERROR_GEN_FAILURE);
    }
    if (state == 0 && !(flags & INIT_ONCE_ASYNC) &&
        !__sync_bool_compare_and_swap((ULONG_PTR *)&once->Ptr, 0, ONCE_RUNNING)) continue;
    if (state == 0) {
      *pending = TRUE;
      return TRUE;
    }
    WAITER waiter;
    RtlEnterCriticalSection(&queue_lock);
    BOOLEAN running = *(volatile ULONG_PTR *)&once->Ptr == ONCE_RUNNING;
    if (running) enqueue(&waiter, once, TRUE);
    RtlLeaveCriticalSection(&queue_lock);
    if (running) sleep_until_woken(&waiter, NULL);
  }
}

BOOL WINAPI InitOnceComplete(LPINIT_ONCE once, DWORD flags, LPVOID context) {
  if ((ULONG_PTR)context & 3) return refuse(ERROR_INVALID_PARAMETER);
  ULONG_PTR next = flags & INIT_ONCE_INIT_FAILED ? 0 : (ULONG_PTR)context | ONCE_DONE;
  ULONG_PTR expected = flags & INIT_ONCE_ASYNC ? 0 : ONCE_RUNNING;
  if (!__sync_bool_compare_and_swap((ULONG_PTR *)&once->Ptr, expected, next)) return refuse(ERROR_GEN_FAILURE);
  wake_condition(once, TRUE);
  return TRUE;
}

BOOL WINAPI InitOnceExecuteOnce(PINIT_ONCE once, PINIT_ONCE_FN routine, PVOID parameter, LPVOID *context) {
  BOOL pending;
  PVOID result = NULL;
  if (!InitOnceBeginInitialize(once, 0, &pending, context)) return FALSE;
  if (!pending) return TRUE;
  BOOL success = routine(once, parameter, &result);
  if (!InitOnceComplete(once, success ? 0 : INIT_ONCE_INIT_FAILED, success ? result : NULL)) return FALSE;
  if (success && context != NULL) *context = result;
  return success;
}
