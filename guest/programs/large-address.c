/* User space of a boot with /3GB, as a program marked LARGE_ADDRESS_AWARE sees it, and (large-address-unaware.c) one that is not.
   Arguments: megabytes of user space, megabytes of memory to touch all over. */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include "ok.h"

#define MB 0x100000u
#define TWO_GB 0x80000000u

NTSTATUS NTAPI NtQuerySystemInformation(ULONG, PVOID, ULONG, PULONG);
NTSTATUS NTAPI NtReadVirtualMemory(HANDLE, PVOID, PVOID, SIZE_T, PSIZE_T);
NTSTATUS NTAPI NtAllocateVirtualMemory(HANDLE, PVOID *, ULONG_PTR, PSIZE_T, ULONG, ULONG);

static DWORD user_end, highest;
static int aware;

/* Takes the largest piece that there is, again and again, and says how much it was. */
static unsigned reserve_all(char *pieces[], unsigned sizes[], int *count) {
  unsigned total = 0;
  *count = 0;
  for (unsigned size = 1024 * MB; size >= MB && *count < 64; size /= 2) {
    char *piece;
    while (*count < 64 && (piece = VirtualAlloc(NULL, size, MEM_RESERVE, PAGE_READWRITE)) != NULL) {
      ok((DWORD)piece + size - 1 < highest, "%p lies in user space", piece);
      pieces[*count] = piece;
      sizes[(*count)++] = size;
      total += size / MB;
    }
  }
  return total;
}

/* One page in each 64 KB is written and read back. */
static void touch(char *piece, unsigned size) {
  if (!ok(VirtualAlloc(piece, size, MEM_COMMIT, PAGE_READWRITE) == piece, "commit %u MB at %p", size / MB, piece)) return;
  for (unsigned at = 0; at < size; at += 0x10000) *(unsigned *)(piece + at) = (unsigned)(piece + at) ^ 0x5a5a;
  unsigned wrong = 0;
  for (unsigned at = 0; at < size; at += 0x10000) wrong += *(unsigned *)(piece + at) != ((unsigned)(piece + at) ^ 0x5a5a);
  ok(wrong == 0, "%u pages at %p lost what was written", wrong, piece);
}

static void check_reports(void) {
  SYSTEM_INFO system;
  MEMORYSTATUSEX memory = { .dwLength = sizeof memory };
  DWORD range_start = 0;
  GetSystemInfo(&system);
  GlobalMemoryStatusEx(&memory);
  NtQuerySystemInformation(50, &range_start, sizeof range_start, NULL);
  ok((DWORD)system.lpMaximumApplicationAddress == user_end - 0x10001, "maximum address %p", system.lpMaximumApplicationAddress);
  ok(range_start == user_end, "system range start %lx", range_start);
  ok(memory.ullTotalVirtual == (aware ? user_end : TWO_GB) - 0x20000, "total virtual %llx", memory.ullTotalVirtual);
}

static void check_edges(void) {
  MEMORY_BASIC_INFORMATION m;
  SIZE_T size = 0x1000, done;
  PVOID place = (PVOID)(user_end - 0x20000);
  char byte;
  ok(NtAllocateVirtualMemory(GetCurrentProcess(), &place, 0, &size, MEM_RESERVE, PAGE_READWRITE) == (NTSTATUS)0xC00000F0,
     "the last 128 KB belong to nobody");
  ok(NtReadVirtualMemory(GetCurrentProcess(), (PVOID)(user_end - 0x10000), &byte, 1, &done) == (NTSTATUS)0xC0000005, "probe at the end");
  ok(!VirtualQuery((PVOID)(user_end - 0x10000), &m, sizeof m), "query above user space");
  ok(VirtualQuery((PVOID)0x7FFE0000, &m, sizeof m) && m.State == MEM_COMMIT && m.RegionSize == 0x1000, "shared user data");
  ok(IsBadReadPtr((PVOID)user_end, 1) && IsBadReadPtr((PVOID)0x7FFE1000, 1), "what lies behind cannot be read");
  char *taken = VirtualAlloc((PVOID)0x7FFE0000, 0x1000, MEM_RESERVE, PAGE_READWRITE);
  ok(taken == NULL, "the place of the shared data is not free");
  ok(!VirtualFree((PVOID)0x7FFE0000, 0, MEM_RELEASE), "and cannot be freed");
  if (user_end == TWO_GB || aware) return;
  place = (PVOID)TWO_GB;
  ok(NtAllocateVirtualMemory(GetCurrentProcess(), &place, 0, &size, MEM_RESERVE, PAGE_READWRITE) == (NTSTATUS)0xC0000018, "2 GB is taken");
  ok(NtAllocateVirtualMemory(GetCurrentProcess(), &place, 0, &size, MEM_COMMIT, PAGE_READWRITE) == (NTSTATUS)0xC0000018, "no commit there");
  ok(VirtualQuery(place, &m, sizeof m) && m.State == MEM_RESERVE && (DWORD)m.BaseAddress == TWO_GB, "2 GB is kept from this program");
  ok(!VirtualFree(place, 0, MEM_RELEASE), "and cannot be freed");
  ok(!VirtualProtect(place, 0x1000, PAGE_READWRITE, &(DWORD){ 0 }), "nor made accessible");
}

static DWORD WINAPI thread(LPVOID result) {
  void *teb;
  __asm__("mov %%fs:0x18, %0" : "=r"(teb));
  *(void **)result = teb;
  return 0;
}

int main(int argc, char **argv) {
  unsigned megabytes = argc > 1 ? strtoul(argv[1], NULL, 10) : 2048, wanted = argc > 2 ? strtoul(argv[2], NULL, 10) : 16;
  IMAGE_NT_HEADERS *headers = (IMAGE_NT_HEADERS *)((char *)GetModuleHandle(NULL) + ((IMAGE_DOS_HEADER *)GetModuleHandle(NULL))->e_lfanew);
  aware = (headers->FileHeader.Characteristics & IMAGE_FILE_LARGE_ADDRESS_AWARE) != 0;
  user_end = megabytes * MB;
  highest = (aware ? user_end : TWO_GB) - (user_end == TWO_GB || aware ? 0x20000 : 0);
  check_reports();
  check_edges();

  char *top = VirtualAlloc(NULL, 0x10000, MEM_RESERVE | MEM_TOP_DOWN, PAGE_READWRITE);
  ok((DWORD)top < highest && (DWORD)top >= highest - MB, "top down gave %p", top);
  ok((DWORD)VirtualAlloc(NULL, 0x10000, MEM_RESERVE, PAGE_READWRITE) < TWO_GB / 2, "bottom up begins low");
  void *teb = NULL;
  HANDLE handle = CreateThread(NULL, 0, thread, &teb, 0, NULL);
  WaitForSingleObject(handle, INFINITE);
  ok(teb != NULL && (DWORD)teb < 0x7FFE0000, "TEB at %p", teb);

  char *pieces[64];
  unsigned sizes[64];
  int count;
  unsigned total = reserve_all(pieces, sizes, &count);
  unsigned most = aware ? megabytes : 2048;
  ok(total < most && total >= most - 96, "%u of %u MB of addresses", total, most);
  /* Of each piece its end. */
  for (int i = 0; i < count; i++) {
    unsigned size = wanted * MB / count & ~0xffffu;
    if (size > sizes[i]) size = sizes[i];
    touch(pieces[i] + sizes[i] - size, size);
  }
  for (int i = 0; i < count; i++) ok(VirtualFree(pieces[i], 0, MEM_RELEASE), "free %p", pieces[i]);
  return report(aware ? "large-address" : "large-address-unaware");
}
