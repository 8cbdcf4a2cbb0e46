/* Named objects with access control lists, and a second process with fewer rights (CreateRestrictedToken, CreateProcessAsUser). */
#include <stdio.h>
#include <windows.h>

static void tell(const char *what, BOOL done) {
  if (done) printf("  %s: yes\n", what);
  else printf("  %s: error %lu\n", what, GetLastError());
}

/* What a process can do with the objects that the first one has made. */
static void look(DWORD owner) {
  HANDLE mapping = OpenFileMappingA(FILE_MAP_WRITE, FALSE, "Ledger");
  tell("open the mapping to write", mapping != NULL);
  if (mapping != NULL) CloseHandle(mapping);
  mapping = OpenFileMappingA(FILE_MAP_READ, FALSE, "Ledger");
  tell("open the mapping to read", mapping != NULL);
  const char *view = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, 0);
  if (view != NULL) printf("  it says: %s\n", view);
  tell("map it writable through that handle", MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0) != NULL);
  CloseHandle(mapping);
  mapping = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, "Ledger");
  tell("create it, which asks for everything", mapping != NULL);
  if (mapping != NULL) CloseHandle(mapping);
  tell("open the event to set it", OpenEventA(EVENT_MODIFY_STATE, FALSE, "Bell") != NULL);
  HANDLE event = OpenEventA(MAXIMUM_ALLOWED, FALSE, "Bell");
  tell("open the event with what is allowed", event != NULL);
  tell("wait for it", WaitForSingleObject(event, 0) == WAIT_OBJECT_0);
  tell("set it", SetEvent(event));
  HANDLE wider;
  tell("duplicate the handle with more rights", DuplicateHandle(GetCurrentProcess(), event, GetCurrentProcess(), &wider, EVENT_MODIFY_STATE, FALSE, 0));
  tell("open the unguarded semaphore", OpenSemaphoreA(SEMAPHORE_ALL_ACCESS, FALSE, "Gate") != NULL);
  tell("open the first process to end it", OpenProcess(PROCESS_TERMINATE, FALSE, owner) != NULL);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc > 1) {
    unsigned long owner = 0;
    sscanf(argv[1], "%lu", &owner);
    look(owner);
    return 0;
  }
  BYTE administrators[SECURITY_MAX_SID_SIZE], everyone[SECURITY_MAX_SID_SIZE], list[128];
  DWORD size = sizeof administrators;
  CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, administrators, &size);
  size = sizeof everyone;
  CreateWellKnownSid(WinWorldSid, NULL, everyone, &size);
  SECURITY_DESCRIPTOR descriptor;
  SECURITY_ATTRIBUTES guarded = { sizeof guarded, &descriptor, FALSE };
  InitializeAcl((PACL)list, sizeof list, ACL_REVISION);
  AddAccessAllowedAce((PACL)list, ACL_REVISION, GENERIC_ALL, administrators);
  AddAccessAllowedAce((PACL)list, ACL_REVISION, FILE_MAP_READ | SYNCHRONIZE, everyone);
  InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
  SetSecurityDescriptorDacl(&descriptor, TRUE, (PACL)list, FALSE);

  HANDLE mapping = CreateFileMappingA(INVALID_HANDLE_VALUE, &guarded, PAGE_READWRITE, 0, 4096, "Ledger");
  char *view = MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0);
  sprintf(view, "forty-two");
  CreateEventA(&guarded, TRUE, TRUE, "Bell");
  SetSecurityDescriptorDacl(&descriptor, TRUE, NULL, FALSE);
  CreateSemaphoreA(&guarded, 0, 1, "Gate");
  printf("the first process\n");
  look(GetCurrentProcessId());

  HANDLE own, filtered;
  SID_AND_ATTRIBUTES disable = { administrators, 0 };
  OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS_P, &own);
  tell("filter the token", CreateRestrictedToken(own, DISABLE_MAX_PRIVILEGE, 1, &disable, 0, NULL, 0, NULL, &filtered));
  WCHAR line[300], image[260];
  GetModuleFileNameW(NULL, image, 260);
  swprintf(line, 300, L"\"%ls\" %lu", image, GetCurrentProcessId());
  STARTUPINFOW startup = { .cb = sizeof startup };
  PROCESS_INFORMATION child;
  printf("a process that is no administrator\n");
  fflush(stdout);
  if (!CreateProcessAsUserW(filtered, NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &child)) {
    tell("start it", FALSE);
    return 1;
  }
  WaitForSingleObject(child.hProcess, INFINITE);
  printf("the mapping says %s\n", view);
  return 0;
}
