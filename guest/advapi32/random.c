// Random bytes. The machine is deterministic, and so are these: the generator starts from the process cookie and the clock,
// both of which come from the machine's seed and its virtual time.
#include "advapi32.h"
#include <wincrypt.h>

#define PROVIDER_SIGNATURE 0x56525043u

static ULONGLONG state;

static ULONGLONG next_random(void) {
  if (state == 0) {
    ULONG cookie = 0;
    LARGE_INTEGER now = { .QuadPart = 0 };
    NtQueryInformationProcess(CURRENT_PROCESS, 36, &cookie, sizeof cookie, NULL);
    NtQuerySystemTime(&now);
    state = ((ULONGLONG)cookie << 32 | 1) ^ (ULONGLONG)now.QuadPart;
  }
  state += 0x9E3779B97F4A7C15ull;
  ULONGLONG value = state;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ull;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBull;
  return value ^ (value >> 31);
}

/* RtlGenRandom under the name that it is exported by. */
BOOLEAN APIENTRY SystemFunction036(PVOID buffer, ULONG length) {
  PUCHAR to = buffer;
  RtlAcquirePebLock();
  while (length > 0) {
    ULONGLONG value = next_random();
    ULONG count = length < sizeof value ? length : sizeof value;
    memcpy(to, &value, count);
    to += count;
    length -= count;
  }
  RtlReleasePebLock();
  return TRUE;
}

/* Providers that only generate random numbers: key containers do not exist. */
BOOL WINAPI CryptAcquireContextW(HCRYPTPROV *provider, LPCWSTR container, LPCWSTR name, DWORD type, DWORD flags) {
  (void)name;
  if (type != PROV_RSA_FULL && type != PROV_RSA_AES && type != PROV_INTEL_SEC) return refuse((DWORD)NTE_BAD_PROV_TYPE);
  if (container != NULL && !(flags & CRYPT_NEWKEYSET)) return refuse((DWORD)NTE_BAD_KEYSET);
  PULONG handle = RtlAllocateHeap(current_peb()->ProcessHeap, 0, sizeof *handle);
  if (handle == NULL) return refuse(ERROR_NOT_ENOUGH_MEMORY);
  *handle = PROVIDER_SIGNATURE;
  *provider = (HCRYPTPROV)handle;
  return TRUE;
}
BOOL WINAPI CryptAcquireContextA(HCRYPTPROV *provider, LPCSTR container, LPCSTR name, DWORD type, DWORD flags) {
  (void)name;
  return CryptAcquireContextW(provider, container == NULL ? NULL : L"", NULL, type, flags);
}

static BOOLEAN is_provider(HCRYPTPROV provider) {
  return provider != 0 && (provider & 7) == 0 && *(PULONG)provider == PROVIDER_SIGNATURE;
}
BOOL WINAPI CryptReleaseContext(HCRYPTPROV provider, DWORD flags) {
  if (flags != 0) return refuse((DWORD)NTE_BAD_FLAGS);
  if (!is_provider(provider)) return refuse(ERROR_INVALID_PARAMETER);
  *(PULONG)provider = 0;
  return RtlFreeHeap(current_peb()->ProcessHeap, 0, (PVOID)provider);
}
BOOL WINAPI CryptGenRandom(HCRYPTPROV provider, DWORD length, BYTE *buffer) {
  if (!is_provider(provider)) return refuse(ERROR_INVALID_PARAMETER);
  return SystemFunction036(buffer, length);
}
