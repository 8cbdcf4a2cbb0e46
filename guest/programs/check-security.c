/* Tokens, identifiers, lists and descriptors from inside. check-security WORD is a child. */
#include <windows.h>
#include <aclapi.h>
#include <sddl.h>
#include <stdio.h>
#include <string.h>
#include "ok.h"

static BYTE users[SECURITY_MAX_SID_SIZE], administrators[SECURITY_MAX_SID_SIZE], everyone[SECURITY_MAX_SID_SIZE];

static void make_sids(void) {
  DWORD size = sizeof users;
  ok(CreateWellKnownSid(WinBuiltinUsersSid, NULL, users, &size) && size == 16, "users");
  size = sizeof administrators;
  ok(CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, administrators, &size), "administrators");
  size = sizeof everyone;
  ok(CreateWellKnownSid(WinWorldSid, NULL, everyone, &size) && size == 12, "everyone");
}

static void check_sids(void) {
  LPSTR text;
  LPWSTR wide;
  PSID parsed;
  ok(ConvertSidToStringSidA(users, &text) && strcmp(text, "S-1-5-32-545") == 0, "text %s", text);
  ok(ConvertStringSidToSidA(text, &parsed) && EqualSid(parsed, users), "parsed");
  LocalFree(text), LocalFree(parsed);
  ok(ConvertStringSidToSidW(L"S-1-0x0102030405ff-4294967295", &parsed) && GetLengthSid(parsed) == 12, "long authority");
  ok(ConvertSidToStringSidW(parsed, &wide) && wcscmp(wide, L"S-1-0x0102030405ff-4294967295") == 0, "wide text");
  LocalFree(wide), LocalFree(parsed);
  static const char *const bad[] = { "", "S-2-5-1", "S-1-5", "S-1-5-", "S-1-5-4294967296", "S-1-5-1x", "T-1-5-1" };
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
    ok(!ConvertStringSidToSidA(bad[i], &parsed) && GetLastError() == ERROR_INVALID_SID, "%s is none", bad[i]);
  }
  ok(EqualPrefixSid(users, administrators) && !EqualSid(users, administrators) && !EqualPrefixSid(users, everyone), "prefixes");
  char name[32], domain[32];
  DWORD nameSize = sizeof name, domainSize = sizeof domain, sidSize = SECURITY_MAX_SID_SIZE;
  SID_NAME_USE use;
  ok(LookupAccountSidA(NULL, users, name, &nameSize, domain, &domainSize, &use), "look up %lu", GetLastError());
  ok(strcmp(name, "Users") == 0 && strcmp(domain, "BUILTIN") == 0 && use == SidTypeAlias && nameSize == 5, "%s\\%s", domain, name);
  nameSize = 2;
  ok(!LookupAccountSidA(NULL, users, name, &nameSize, domain, &domainSize, &use) && GetLastError() == ERROR_INSUFFICIENT_BUFFER, "short");
  ok(nameSize == 6 && domainSize == 8, "sizes %lu %lu", nameSize, domainSize);
  BYTE sid[SECURITY_MAX_SID_SIZE];
  domainSize = sizeof domain;
  ok(LookupAccountNameA(NULL, "builtin\\users", sid, &sidSize, domain, &domainSize, &use) && EqualSid(sid, users), "by name");
  ok(!LookupAccountNameA(NULL, "nobody", sid, &sidSize, domain, &domainSize, &use) && GetLastError() == ERROR_NONE_MAPPED, "nobody");
}

static void check_lists(void) {
  union { ACL acl; BYTE bytes[256]; } list;
  ACL_SIZE_INFORMATION size;
  ACCESS_ALLOWED_ACE *ace;
  ok(!InitializeAcl(&list.acl, 4, ACL_REVISION) && InitializeAcl(&list.acl, sizeof list, ACL_REVISION), "initialize");
  ok(AddAccessAllowedAce(&list.acl, ACL_REVISION, GENERIC_READ, users), "allow");
  ok(AddAccessDeniedAceEx(&list.acl, ACL_REVISION, INHERIT_ONLY_ACE, GENERIC_WRITE, everyone), "deny");
  ok(AddAuditAccessAce(&list.acl, ACL_REVISION, 1, administrators, TRUE, FALSE), "audit");
  ok(IsValidAcl(&list.acl) && GetAclInformation(&list.acl, &size, sizeof size, AclSizeInformation), "information");
  ok(size.AceCount == 3 && size.AclBytesInUse == 8 + 24 + 20 + 24 && size.AclBytesFree == 256 - size.AclBytesInUse, "%lu", size.AclBytesInUse);
  ok(GetAce(&list.acl, 1, (void **)&ace) && ace->Header.AceType == ACCESS_DENIED_ACE_TYPE && ace->Header.AceFlags == INHERIT_ONLY_ACE, "second");
  ok(EqualSid(&ace->SidStart, everyone) && ace->Mask == GENERIC_WRITE, "its contents");
  ok(DeleteAce(&list.acl, 0) && list.acl.AceCount == 2 && GetAce(&list.acl, 0, (void **)&ace) && EqualSid(&ace->SidStart, everyone), "delete");
  ok(AddAce(&list.acl, ACL_REVISION, 0, ace, ace->Header.AceSize) && list.acl.AceCount == 3, "copy");
  ok(!GetAce(&list.acl, 3, (void **)&ace) && !DeleteAce(&list.acl, 3), "none there");
  list.acl.AclSize = 8 + 64;
  ok(!AddAccessAllowedAce(&list.acl, ACL_REVISION, 1, users) && GetLastError() == ERROR_ALLOTTED_SPACE_EXCEEDED, "full");
  list.acl.AclRevision = 9;
  ok(!IsValidAcl(&list.acl), "revision");
}

static void check_entries(void) {
  EXPLICIT_ACCESS_A entries[] = {
    { 1, GRANT_ACCESS, NO_INHERITANCE, { NULL, NO_MULTIPLE_TRUSTEE, TRUSTEE_IS_SID, TRUSTEE_IS_UNKNOWN, (LPSTR)users } },
    { 2, DENY_ACCESS, SUB_OBJECTS_ONLY_INHERIT, { NULL, NO_MULTIPLE_TRUSTEE, TRUSTEE_IS_NAME, TRUSTEE_IS_UNKNOWN, "Everyone" } },
  };
  PACL first = NULL, second = NULL;
  ACCESS_ALLOWED_ACE *ace;
  ok(SetEntriesInAclA(2, entries, NULL, &first) == ERROR_SUCCESS && IsValidAcl(first) && first->AceCount == 2, "two entries");
  ok(GetAce(first, 0, (void **)&ace) && ace->Header.AceType == ACCESS_DENIED_ACE_TYPE && EqualSid(&ace->SidStart, everyone), "denials first");
  ok(ace->Mask == 2 && ace->Header.AceFlags == OBJECT_INHERIT_ACE, "as given");
  entries[0].grfAccessMode = SET_ACCESS, entries[0].grfAccessPermissions = 4, entries[1].grfAccessMode = REVOKE_ACCESS;
  ok(SetEntriesInAclA(2, entries, first, &second) == ERROR_SUCCESS && second->AceCount == 1, "set and revoke");
  ok(GetAce(second, 0, (void **)&ace) && ace->Mask == 4 && EqualSid(&ace->SidStart, users), "what is left");
  entries[1].Trustee.ptstrName = "Nobody at all";
  ok(SetEntriesInAclA(2, entries, first, &second) == ERROR_NONE_MAPPED, "no such account");
  LocalFree(first), LocalFree(second);
}

static void check_descriptors(void) {
  union { ACL acl; BYTE bytes[64]; } list;
  SECURITY_DESCRIPTOR absolute, again;
  BYTE relative[256], dacl[64], sacl[4], owner[32], group[32];
  DWORD length = 0, sizes[5] = { sizeof again, sizeof dacl, sizeof sacl, sizeof owner, sizeof group };
  BOOL present, defaulted;
  PACL found;
  PSID sid;
  InitializeAcl(&list.acl, sizeof list, ACL_REVISION);
  AddAccessAllowedAce(&list.acl, ACL_REVISION, GENERIC_ALL, users);
  ok(InitializeSecurityDescriptor(&absolute, SECURITY_DESCRIPTOR_REVISION) && SetSecurityDescriptorDacl(&absolute, TRUE, &list.acl, FALSE), "set");
  ok(SetSecurityDescriptorOwner(&absolute, administrators, FALSE) && SetSecurityDescriptorGroup(&absolute, users, TRUE), "owner");
  ok(GetSecurityDescriptorLength(&absolute) == 20 + 64 + 16 + 16, "length %lu", GetSecurityDescriptorLength(&absolute));
  ok(!MakeSelfRelativeSD(&absolute, relative, &length) && GetLastError() == ERROR_INSUFFICIENT_BUFFER && length == 116, "short");
  ok(MakeSelfRelativeSD(&absolute, relative, &length) && IsValidSecurityDescriptor(relative), "relative");
  ok(GetSecurityDescriptorDacl(relative, &present, &found, &defaulted) && present && !defaulted && found->AceCount == 1, "its list");
  ok(GetSecurityDescriptorGroup(relative, &sid, &defaulted) && defaulted && EqualSid(sid, users), "its group");
  ok(!SetSecurityDescriptorOwner(relative, users, FALSE) && GetLastError() == ERROR_INVALID_SECURITY_DESCR, "not absolute");
  ok(MakeAbsoluteSD(relative, &again, &sizes[0], (PACL)dacl, &sizes[1], (PACL)sacl, &sizes[2], owner, &sizes[3], group, &sizes[4]), "absolute");
  ok(EqualSid(again.Owner, administrators) && again.Sacl == NULL && memcmp(again.Dacl, &list, sizeof list) == 0, "the same again");
}

static HANDLE process_token(void) {
  HANDLE token = NULL;
  ok(OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS & ~TOKEN_ADJUST_SESSIONID, &token), "token %lu", GetLastError());
  return token;
}

static void check_tokens(void) {
  HANDLE token = process_token(), client, restricted, opened;
  BOOL member;
  ok(CheckTokenMembership(NULL, administrators, &member) && member, "member");
  SID_AND_ATTRIBUTES disable = { administrators, 0 }, only[] = { { users, 0 }, { everyone, 0 } };
  ok(CreateRestrictedToken(token, DISABLE_MAX_PRIVILEGE, 1, &disable, 0, NULL, 2, only, &restricted), "restrict %lu", GetLastError());
  ok(IsTokenRestricted(restricted) && !IsTokenRestricted(token), "restricted");
  ok(DuplicateToken(restricted, SecurityImpersonation, &client), "impersonation token");
  ok(CheckTokenMembership(client, administrators, &member) && !member, "deny only");
  ok(!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, FALSE, &opened) && GetLastError() == ERROR_NO_TOKEN, "no token");
  ok(SetThreadToken(NULL, client) && OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &opened), "thread token %lu", GetLastError());
  CloseHandle(opened);
  HANDLE event = CreateEventA(NULL, TRUE, FALSE, "Restricted");
  ok(event != NULL, "made by whom is restricted: %lu", GetLastError());
  ok(OpenEventA(EVENT_MODIFY_STATE, FALSE, "Restricted") == NULL && GetLastError() == ERROR_ACCESS_DENIED, "who cannot open it himself");
  ok(RevertToSelf(), "revert");
  HANDLE again = OpenEventA(EVENT_MODIFY_STATE, FALSE, "Restricted");
  ok(again != NULL, "whole: %lu", GetLastError());
  CloseHandle(event), CloseHandle(again), CloseHandle(client), CloseHandle(restricted), CloseHandle(token);
  ok(ImpersonateSelf(SecurityIdentification) && !OpenEventA(EVENT_MODIFY_STATE, FALSE, "None") && GetLastError() == ERROR_FILE_NOT_FOUND, "by name");
  ok(RevertToSelf(), "revert");
  char name[64];
  DWORD size = sizeof name;
  LUID luid = { 20, 0 };
  ok(LookupPrivilegeNameA(NULL, &luid, name, &size) && strcmp(name, "SeDebugPrivilege") == 0 && size == 16, "privilege name");
}

static void check_objects(void) {
  BYTE descriptor[256];
  DWORD length;
  PSECURITY_DESCRIPTOR whole;
  PSID owner;
  PACL dacl;
  HANDLE event = CreateEventA(NULL, TRUE, FALSE, "Mine");
  ok(GetKernelObjectSecurity(event, OWNER_SECURITY_INFORMATION, descriptor, sizeof descriptor, &length), "query");
  ok(GetSecurityInfo(event, SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION, &owner, NULL, &dacl, NULL, &whole) == 0, "info");
  ok(EqualSid(owner, administrators) && dacl->AceCount == 2, "owner and list");
  LocalFree(whole);
  InitializeAcl((PACL)descriptor, 64, ACL_REVISION);
  ok(SetSecurityInfo(event, SE_KERNEL_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, (PACL)descriptor, NULL) == 0, "empty list");
  ok(CreateEventA(NULL, TRUE, FALSE, "Mine") == NULL && GetLastError() == ERROR_ACCESS_DENIED, "shut");
  ok(SetEvent(event), "open handles stay");
  CloseHandle(event);
  ok(GetFileSecurityA("Z:\\check-security.exe", DACL_SECURITY_INFORMATION, descriptor, sizeof descriptor, &length), "file %lu", GetLastError());
  BOOL present, defaulted;
  ok(GetSecurityDescriptorDacl(descriptor, &present, &dacl, &defaulted) && present && dacl == NULL, "files are open to all");
}

static DWORD finish(PROCESS_INFORMATION *child) {
  DWORD code = 99;
  WaitForSingleObject(child->hProcess, INFINITE);
  GetExitCodeProcess(child->hProcess, &code);
  CloseHandle(child->hThread), CloseHandle(child->hProcess);
  return code;
}

/* Children with a token of fewer rights, and one whose process nobody may open. */
static void check_processes(void) {
  STARTUPINFOW startup = { .cb = sizeof startup };
  PROCESS_INFORMATION child;
  HANDLE token = process_token(), filtered;
  SID_AND_ATTRIBUTES disable = { administrators, 0 };
  union { ACL acl; BYTE bytes[64]; } open, empty;
  TOKEN_DEFAULT_DACL standard = { &open.acl };
  // What is made from now on is open to everybody, the child's own token too.
  InitializeAcl(&open.acl, sizeof open, ACL_REVISION);
  AddAccessAllowedAce(&open.acl, ACL_REVISION, GENERIC_ALL, everyone);
  ok(SetTokenInformation(token, TokenDefaultDacl, &standard, sizeof standard), "default list");
  WCHAR line[] = L"Z:\\check-security.exe member";
  ok(CreateProcessW(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &child) && finish(&child) == 1, "whole child");
  ok(CreateRestrictedToken(token, 0, 1, &disable, 0, NULL, 0, NULL, &filtered), "filter");
  ok(CreateProcessAsUserW(filtered, NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &child), "as user: %lu", GetLastError());
  ok(finish(&child) == 0, "filtered child");
  HANDLE copy;
  ok(DuplicateTokenEx(token, TOKEN_ALL_ACCESS & ~TOKEN_ADJUST_SESSIONID, NULL, SecurityAnonymous, TokenPrimary, &copy), "copy");
  ok(!CreateProcessAsUserW(copy, NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &child) && GetLastError() == ERROR_PRIVILEGE_NOT_HELD, "not filtered");
  CloseHandle(copy), CloseHandle(filtered), CloseHandle(token);
  SECURITY_DESCRIPTOR descriptor;
  SECURITY_ATTRIBUTES shut = { sizeof shut, &descriptor, FALSE };
  InitializeAcl(&empty.acl, sizeof empty, ACL_REVISION);
  InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
  SetSecurityDescriptorDacl(&descriptor, TRUE, &empty.acl, FALSE);
  ok(CreateProcessW(NULL, line, &shut, &shut, FALSE, CREATE_SUSPENDED, NULL, NULL, &startup, &child), "shut process");
  ok(!OpenProcess(PROCESS_TERMINATE, FALSE, child.dwProcessId) && GetLastError() == ERROR_ACCESS_DENIED, "open process");
  ok(!OpenThread(THREAD_SUSPEND_RESUME, FALSE, child.dwThreadId) && GetLastError() == ERROR_ACCESS_DENIED, "open thread");
  HANDLE reader = OpenProcess(READ_CONTROL, FALSE, child.dwProcessId);
  ok(reader != NULL, "the owner reads the descriptor");
  CloseHandle(reader);
  ResumeThread(child.hThread);
  finish(&child);
}

int main(int argc, char **argv) {
  make_sids();
  if (argc > 1 && strcmp(argv[1], "member") == 0) {
    BOOL member;
    return CheckTokenMembership(NULL, administrators, &member) ? member : 98;
  }
  check_sids();
  check_lists();
  check_entries();
  check_descriptors();
  check_tokens();
  check_objects();
  check_processes();
  return report("security");
}
