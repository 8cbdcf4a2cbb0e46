/* Jobs: what they count, what they limit, and that they end what they hold. `jobs WORD` is a child. */
#include <windows.h>
#include <stdio.h>
#include <string.h>
#include "ok.h"

static PROCESS_INFORMATION start(const char *what, DWORD flags) {
  STARTUPINFOA startup = { .cb = sizeof startup };
  PROCESS_INFORMATION child = { 0 };
  char line[64];
  snprintf(line, sizeof line, "Z:\\jobs.exe %s", what);
  if (!CreateProcessA(NULL, line, NULL, NULL, FALSE, flags, NULL, NULL, &startup, &child)) child.dwProcessId = GetLastError();
  return child;
}
static DWORD finish(PROCESS_INFORMATION child) {
  DWORD code = 0xDEAD;
  WaitForSingleObject(child.hProcess, INFINITE);
  GetExitCodeProcess(child.hProcess, &code);
  CloseHandle(child.hProcess), CloseHandle(child.hThread);
  return code;
}
static BOOL in_job(HANDLE process, HANDLE job) {
  BOOL result = 99;
  ok(IsProcessInJob(process, job, &result), "in job: %lu", GetLastError());
  return result;
}
static void limit(HANDLE job, DWORD flags, DWORD processes, SIZE_T processMemory, SIZE_T jobMemory) {
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = { 0 };
  limits.BasicLimitInformation.LimitFlags = flags;
  limits.BasicLimitInformation.ActiveProcessLimit = processes;
  limits.ProcessMemoryLimit = processMemory;
  limits.JobMemoryLimit = jobMemory;
  ok(SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits), "limits: %lu", GetLastError());
}
static JOBOBJECT_BASIC_ACCOUNTING_INFORMATION count(HANDLE job) {
  JOBOBJECT_BASIC_ACCOUNTING_INFORMATION counts;
  ok(QueryInformationJobObject(job, JobObjectBasicAccountingInformation, &counts, sizeof counts, NULL), "counts: %lu", GetLastError());
  return counts;
}

static void check_members(void) {
  HANDLE job = CreateJobObjectA(NULL, "work"), again = CreateJobObjectA(NULL, "work");
  ok(job != NULL && again != NULL && GetLastError() == ERROR_ALREADY_EXISTS, "the same job");
  HANDLE opened = OpenJobObjectA(JOB_OBJECT_QUERY, FALSE, "work");
  ok(opened != NULL && !OpenJobObjectA(JOB_OBJECT_QUERY, FALSE, "none") && GetLastError() == ERROR_FILE_NOT_FOUND, "by name");
  PROCESS_INFORMATION child = start("family", CREATE_SUSPENDED);
  ok(!in_job(child.hProcess, NULL) && !in_job(GetCurrentProcess(), NULL), "in none");
  ok(AssignProcessToJobObject(job, child.hProcess), "assign: %lu", GetLastError());
  ok(in_job(child.hProcess, job) && in_job(child.hProcess, NULL) && in_job(child.hProcess, opened), "in it");
  ok(!AssignProcessToJobObject(job, child.hProcess) && GetLastError() == ERROR_ACCESS_DENIED, "once only");
  ok(!AssignProcessToJobObject(opened, child.hProcess) && GetLastError() == ERROR_ACCESS_DENIED, "a weak handle");
  struct { DWORD assigned, listed; ULONG_PTR ids[4]; } list;
  ok(QueryInformationJobObject(job, JobObjectBasicProcessIdList, &list, sizeof list, NULL), "list: %lu", GetLastError());
  ok(list.assigned == 1 && list.listed == 1 && list.ids[0] == child.dwProcessId, "one process");
  ResumeThread(child.hThread);
  ok(finish(child) == 7, "the child says that its child was in the job");
  JOBOBJECT_BASIC_ACCOUNTING_INFORMATION counts = count(job);
  ok(counts.TotalProcesses == 2 && counts.ActiveProcesses == 0 && counts.TotalTerminatedProcesses == 0, "two in all: %lu", counts.TotalProcesses);
  ok(counts.TotalUserTime.QuadPart > 0 && counts.TotalPageFaultCount > 20, "time and faults");
  CloseHandle(opened), CloseHandle(again), CloseHandle(job);
  ok(!OpenJobObjectA(JOB_OBJECT_QUERY, FALSE, "work"), "gone with its handles");
}

static void check_limits(void) {
  HANDLE job = CreateJobObjectW(NULL, NULL);
  limit(job, JOB_OBJECT_LIMIT_ACTIVE_PROCESS, 1, 0, 0);
  PROCESS_INFORMATION first = start("family", CREATE_SUSPENDED), second = start("exit", CREATE_SUSPENDED);
  ok(AssignProcessToJobObject(job, first.hProcess), "first");
  ok(!AssignProcessToJobObject(job, second.hProcess) && GetLastError() == ERROR_NOT_ENOUGH_QUOTA, "second: %lu", GetLastError());
  ok(finish(second) == 0xC0000044, "it was ended");
  ResumeThread(first.hThread);
  ok(finish(first) == 1000 + ERROR_NOT_ENOUGH_QUOTA, "no room for a child");
  ok(count(job).TotalTerminatedProcesses == 2, "two too many");
  CloseHandle(job);

  job = CreateJobObjectW(NULL, NULL);
  limit(job, JOB_OBJECT_LIMIT_PROCESS_MEMORY, 0, 4 << 20, 0);
  first = start("memory", CREATE_SUSPENDED);
  AssignProcessToJobObject(job, first.hProcess), ResumeThread(first.hThread);
  DWORD got = finish(first);
  ok(got >= 1 && got < 4, "megabytes: %lu", got);
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits;
  ok(QueryInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits, NULL), "query limits");
  ok(limits.ProcessMemoryLimit == 4 << 20 && limits.PeakProcessMemoryUsed > 1 << 20 && limits.PeakProcessMemoryUsed <= 4 << 20, "peak");
  CloseHandle(job);

  job = CreateJobObjectW(NULL, NULL);
  limit(job, JOB_OBJECT_LIMIT_JOB_MEMORY, 0, 0, 6 << 20);
  first = start("sleep", CREATE_SUSPENDED), second = start("memory", CREATE_SUSPENDED);
  AssignProcessToJobObject(job, first.hProcess), AssignProcessToJobObject(job, second.hProcess);
  ResumeThread(second.hThread);
  got = finish(second);
  ok(got >= 2 && got < 6, "megabytes of the job: %lu", got);
  ok(TerminateJobObject(job, 55) && finish(first) == 55, "terminated");
  CloseHandle(job);
}

static void check_end(void) {
  HANDLE job = CreateJobObjectW(NULL, NULL);
  limit(job, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, 0, 0, 0);
  PROCESS_INFORMATION child = start("sleep", CREATE_SUSPENDED);
  AssignProcessToJobObject(job, child.hProcess), ResumeThread(child.hThread);
  ok(WaitForSingleObject(child.hProcess, 20) == WAIT_TIMEOUT, "runs");
  CloseHandle(job);
  ok(finish(child) == 0, "ended with the last handle");

  job = CreateJobObjectW(NULL, NULL);
  child = start("break", CREATE_SUSPENDED);
  AssignProcessToJobObject(job, child.hProcess), ResumeThread(child.hThread);
  ok(finish(child) == 1000 + ERROR_ACCESS_DENIED, "may not leave");
  limit(job, JOB_OBJECT_LIMIT_BREAKAWAY_OK, 0, 0, 0);
  child = start("break", CREATE_SUSPENDED);
  AssignProcessToJobObject(job, child.hProcess), ResumeThread(child.hThread);
  ok(finish(child) == 6, "may leave");
  limit(job, JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK, 0, 0, 0);
  child = start("family", CREATE_SUSPENDED);
  AssignProcessToJobObject(job, child.hProcess), ResumeThread(child.hThread);
  ok(finish(child) == 6, "leaves without asking");
  CloseHandle(job);
}

static void check_parameters(void) {
  HANDLE job = CreateJobObjectW(NULL, NULL), event = CreateEventW(NULL, FALSE, FALSE, NULL);
  JOBOBJECT_BASIC_LIMIT_INFORMATION basic = { .LimitFlags = 0x100 };
  ok(!SetInformationJobObject(job, JobObjectBasicLimitInformation, &basic, sizeof basic) && GetLastError() == ERROR_INVALID_PARAMETER, "flags of the other");
  basic.LimitFlags = JOB_OBJECT_LIMIT_ACTIVE_PROCESS;
  ok(!SetInformationJobObject(job, JobObjectBasicLimitInformation, &basic, sizeof basic) && GetLastError() == ERROR_INVALID_PARAMETER, "no process at all");
  ok(!SetInformationJobObject(job, JobObjectBasicLimitInformation, &basic, 4) && GetLastError() == ERROR_BAD_LENGTH, "length: %lu", GetLastError());
  basic.LimitFlags = JOB_OBJECT_LIMIT_JOB_TIME;
  ok(!SetInformationJobObject(job, JobObjectBasicLimitInformation, &basic, sizeof basic), "times are not built");
  basic.LimitFlags = JOB_OBJECT_LIMIT_PRIORITY_CLASS, basic.PriorityClass = BELOW_NORMAL_PRIORITY_CLASS;
  ok(SetInformationJobObject(job, JobObjectBasicLimitInformation, &basic, sizeof basic), "class: %lu", GetLastError());
  basic.PriorityClass = 0;
  ok(QueryInformationJobObject(job, JobObjectBasicLimitInformation, &basic, sizeof basic, NULL) && basic.PriorityClass == BELOW_NORMAL_PRIORITY_CLASS, "class back");
  ok(!AssignProcessToJobObject(event, GetCurrentProcess()) && GetLastError() == ERROR_INVALID_HANDLE, "no job");
  ok(!AssignProcessToJobObject(job, event) && GetLastError() == ERROR_INVALID_HANDLE, "no process");
  ok(!TerminateJobObject(NULL, 1) && GetLastError() == ERROR_INVALID_HANDLE, "nothing");
  ok(!QueryInformationJobObject(NULL, JobObjectBasicLimitInformation, &basic, sizeof basic, NULL) && GetLastError() == ERROR_ACCESS_DENIED, "own job: none");
  CloseHandle(job), CloseHandle(event);
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "exit") == 0) return 0;
  if (strcmp(what, "sleep") == 0) Sleep(INFINITE);
  if (strcmp(what, "memory") == 0) {
    DWORD got = 0;
    while (VirtualAlloc(NULL, 1 << 20, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) != NULL) got++;
    return GetLastError() == ERROR_COMMITMENT_LIMIT ? (int)got : 99;
  }
  if (strcmp(what, "family") == 0 || strcmp(what, "break") == 0) {
    PROCESS_INFORMATION child = start("exit", CREATE_SUSPENDED | (*what == 'b' ? CREATE_BREAKAWAY_FROM_JOB : 0));
    if (child.hProcess == NULL) return 1000 + (int)child.dwProcessId;
    int code = in_job(child.hProcess, NULL) ? 7 : 6;
    ResumeThread(child.hThread);
    finish(child);
    return code;
  }
  check_members();
  check_limits();
  check_end();
  check_parameters();
  return report("jobs");
}
