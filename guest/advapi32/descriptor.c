// Security descriptors: absolute ones hold pointers, self-relative ones offsets.
#include "advapi32.h"

typedef SECURITY_DESCRIPTOR *ABSOLUTE_FORM;
typedef SECURITY_DESCRIPTOR_RELATIVE *RELATIVE_FORM;

/* A part of a descriptor of either form; `field` is its place in the absolute form, which has the same offsets. */
static PVOID part_of(PSECURITY_DESCRIPTOR descriptor, ULONG field) {
  ULONG value = *(PULONG)((PBYTE)descriptor + field);
  if (value == 0) return NULL;
  return ((ABSOLUTE_FORM)descriptor)->Control & SE_SELF_RELATIVE ? (PBYTE)descriptor + value : (PVOID)value;
}
#define PART(descriptor, name) part_of(descriptor, offsetof(SECURITY_DESCRIPTOR, name))
static PACL dacl_of(PSECURITY_DESCRIPTOR d) { return ((ABSOLUTE_FORM)d)->Control & SE_DACL_PRESENT ? PART(d, Dacl) : NULL; }
static PACL sacl_of(PSECURITY_DESCRIPTOR d) { return ((ABSOLUTE_FORM)d)->Control & SE_SACL_PRESENT ? PART(d, Sacl) : NULL; }

BOOL WINAPI InitializeSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, DWORD revision) {
  ABSOLUTE_FORM own = descriptor;
  if (revision != SECURITY_DESCRIPTOR_REVISION) return refuse(ERROR_UNKNOWN_REVISION);
  memset(own, 0, sizeof *own);
  own->Revision = SECURITY_DESCRIPTOR_REVISION;
  return TRUE;
}
BOOL WINAPI IsValidSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor) {
  if (descriptor == NULL || ((ABSOLUTE_FORM)descriptor)->Revision != SECURITY_DESCRIPTOR_REVISION) return FALSE;
  PSID sids[] = { PART(descriptor, Owner), PART(descriptor, Group) };
  PACL acls[] = { dacl_of(descriptor), sacl_of(descriptor) };
  for (ULONG i = 0; i < 2; i++) {
    if ((sids[i] != NULL && !IsValidSid(sids[i])) || (acls[i] != NULL && !IsValidAcl(acls[i]))) return FALSE;
  }
  return TRUE;
}

// --- reading
BOOL WINAPI GetSecurityDescriptorControl(PSECURITY_DESCRIPTOR descriptor, PSECURITY_DESCRIPTOR_CONTROL control, LPDWORD revision) {
  *control = ((ABSOLUTE_FORM)descriptor)->Control;
  *revision = ((ABSOLUTE_FORM)descriptor)->Revision;
  return TRUE;
}
BOOL WINAPI GetSecurityDescriptorOwner(PSECURITY_DESCRIPTOR descriptor, PSID *owner, LPBOOL defaulted) {
  *owner = PART(descriptor, Owner);
  *defaulted = (((ABSOLUTE_FORM)descriptor)->Control & SE_OWNER_DEFAULTED) != 0;
  return TRUE;
}
BOOL WINAPI GetSecurityDescriptorGroup(PSECURITY_DESCRIPTOR descriptor, PSID *group, LPBOOL defaulted) {
  *group = PART(descriptor, Group);
  *defaulted = (((ABSOLUTE_FORM)descriptor)->Control & SE_GROUP_DEFAULTED) != 0;
  return TRUE;
}
BOOL WINAPI GetSecurityDescriptorDacl(PSECURITY_DESCRIPTOR descriptor, LPBOOL present, PACL *acl, LPBOOL defaulted) {
  WORD control = ((ABSOLUTE_FORM)descriptor)->Control;
  *present = (control & SE_DACL_PRESENT) != 0;
  if (!*present) return TRUE;
  *acl = dacl_of(descriptor);
  *defaulted = (control & SE_DACL_DEFAULTED) != 0;
  return TRUE;
}
BOOL WINAPI GetSecurityDescriptorSacl(PSECURITY_DESCRIPTOR descriptor, LPBOOL present, PACL *acl, LPBOOL defaulted) {
  WORD control = ((ABSOLUTE_FORM)descriptor)->Control;
  *present = (control & SE_SACL_PRESENT) != 0;
  if (!*present) return TRUE;
  *acl = sacl_of(descriptor);
  *defaulted = (control & SE_SACL_DEFAULTED) != 0;
  return TRUE;
}

// --- writing, in the absolute form
static ABSOLUTE_FORM writable(PSECURITY_DESCRIPTOR descriptor) {
  ABSOLUTE_FORM own = descriptor;
  if (own->Revision != SECURITY_DESCRIPTOR_REVISION) return refuse(ERROR_UNKNOWN_REVISION), NULL;
  return own->Control & SE_SELF_RELATIVE ? (refuse(ERROR_INVALID_SECURITY_DESCR), NULL) : own;
}
static BOOL set_bits(ABSOLUTE_FORM own, WORD clear, WORD set) {
  own->Control = (WORD)((own->Control & ~clear) | set);
  return TRUE;
}
BOOL WINAPI SetSecurityDescriptorControl(PSECURITY_DESCRIPTOR descriptor, SECURITY_DESCRIPTOR_CONTROL mask, SECURITY_DESCRIPTOR_CONTROL bits) {
  const WORD inheritance = SE_DACL_AUTO_INHERIT_REQ | SE_SACL_AUTO_INHERIT_REQ | SE_DACL_AUTO_INHERITED | SE_SACL_AUTO_INHERITED |
                           SE_DACL_PROTECTED | SE_SACL_PROTECTED;
  if ((mask & ~inheritance) || (bits & ~mask)) return refuse(ERROR_INVALID_PARAMETER);
  return set_bits(descriptor, mask, bits);
}
BOOL WINAPI SetSecurityDescriptorOwner(PSECURITY_DESCRIPTOR descriptor, PSID owner, BOOL defaulted) {
  ABSOLUTE_FORM own = writable(descriptor);
  if (own == NULL) return FALSE;
  own->Owner = owner;
  return set_bits(own, SE_OWNER_DEFAULTED, defaulted ? SE_OWNER_DEFAULTED : 0);
}
BOOL WINAPI SetSecurityDescriptorGroup(PSECURITY_DESCRIPTOR descriptor, PSID group, BOOL defaulted) {
  ABSOLUTE_FORM own = writable(descriptor);
  if (own == NULL) return FALSE;
  own->Group = group;
  return set_bits(own, SE_GROUP_DEFAULTED, defaulted ? SE_GROUP_DEFAULTED : 0);
}
BOOL WINAPI SetSecurityDescriptorDacl(PSECURITY_DESCRIPTOR descriptor, BOOL present, PACL acl, BOOL defaulted) {
  ABSOLUTE_FORM own = writable(descriptor);
  if (own == NULL) return FALSE;
  own->Dacl = present ? acl : NULL;
  return set_bits(own, SE_DACL_PRESENT | SE_DACL_DEFAULTED, present ? SE_DACL_PRESENT | (defaulted ? SE_DACL_DEFAULTED : 0) : 0);
}
BOOL WINAPI SetSecurityDescriptorSacl(PSECURITY_DESCRIPTOR descriptor, BOOL present, PACL acl, BOOL defaulted) {
  ABSOLUTE_FORM own = writable(descriptor);
  if (own == NULL) return FALSE;
  own->Sacl = present ? acl : NULL;
  return set_bits(own, SE_SACL_PRESENT | SE_SACL_DEFAULTED, present ? SE_SACL_PRESENT | (defaulted ? SE_SACL_DEFAULTED : 0) : 0);
}

// --- one form and the other
typedef struct { PVOID sacl, dacl, owner, group; DWORD saclSize, daclSize, ownerSize, groupSize; } PARTS;

static PARTS parts_of(PSECURITY_DESCRIPTOR descriptor) {
  PARTS p = { sacl_of(descriptor), dacl_of(descriptor), PART(descriptor, Owner), PART(descriptor, Group), 0, 0, 0, 0 };
  p.saclSize = p.sacl == NULL ? 0 : ROUND_UP(((PACL)p.sacl)->AclSize, 4u);
  p.daclSize = p.dacl == NULL ? 0 : ROUND_UP(((PACL)p.dacl)->AclSize, 4u);
  p.ownerSize = p.owner == NULL ? 0 : sid_length(p.owner);
  p.groupSize = p.group == NULL ? 0 : sid_length(p.group);
  return p;
}
DWORD WINAPI GetSecurityDescriptorLength(PSECURITY_DESCRIPTOR descriptor) {
  PARTS p = parts_of(descriptor);
  return sizeof(SECURITY_DESCRIPTOR) + p.saclSize + p.daclSize + p.ownerSize + p.groupSize;
}
static DWORD put(RELATIVE_FORM to, DWORD *at, const void *bytes, DWORD size) {
  DWORD start = *at;
  if (bytes == NULL) return 0;
  memcpy((PBYTE)to + start, bytes, size);
  *at += size;
  return start;
}
BOOL WINAPI MakeSelfRelativeSD(PSECURITY_DESCRIPTOR descriptor, PSECURITY_DESCRIPTOR relative, LPDWORD length) {
  ABSOLUTE_FORM own = descriptor;
  if (own->Control & SE_SELF_RELATIVE) return refuse(ERROR_BAD_DESCRIPTOR_FORMAT);
  DWORD needed = GetSecurityDescriptorLength(descriptor), given = *length, at = sizeof(SECURITY_DESCRIPTOR_RELATIVE);
  *length = needed;
  if (given < needed) return refuse(ERROR_INSUFFICIENT_BUFFER);
  RELATIVE_FORM to = relative;
  PARTS p = parts_of(descriptor);
  memset(to, 0, sizeof *to);
  to->Revision = own->Revision;
  to->Control = own->Control | SE_SELF_RELATIVE;
  to->Sacl = put(to, &at, p.sacl, p.saclSize);
  to->Dacl = put(to, &at, p.dacl, p.daclSize);
  to->Owner = put(to, &at, p.owner, p.ownerSize);
  to->Group = put(to, &at, p.group, p.groupSize);
  return TRUE;
}
static PVOID place(PVOID to, const void *bytes, DWORD size) { return bytes == NULL ? NULL : memcpy(to, bytes, size); }
BOOL WINAPI MakeAbsoluteSD(PSECURITY_DESCRIPTOR relative, PSECURITY_DESCRIPTOR descriptor, LPDWORD length, PACL dacl, LPDWORD daclSize,
                           PACL sacl, LPDWORD saclSize, PSID owner, LPDWORD ownerSize, PSID group, LPDWORD groupSize) {
  RELATIVE_FORM from = relative;
  if (!(from->Control & SE_SELF_RELATIVE)) return refuse(ERROR_BAD_DESCRIPTOR_FORMAT);
  PARTS p = parts_of(relative);
  BOOLEAN fit = *length >= sizeof(SECURITY_DESCRIPTOR) && *daclSize >= p.daclSize && *saclSize >= p.saclSize && *ownerSize >= p.ownerSize &&
                *groupSize >= p.groupSize;
  *length = sizeof(SECURITY_DESCRIPTOR), *daclSize = p.daclSize, *saclSize = p.saclSize, *ownerSize = p.ownerSize, *groupSize = p.groupSize;
  if (!fit) return refuse(ERROR_INSUFFICIENT_BUFFER);
  ABSOLUTE_FORM to = descriptor;
  *to = (SECURITY_DESCRIPTOR){ from->Revision, 0, (WORD)(from->Control & ~SE_SELF_RELATIVE), place(owner, p.owner, p.ownerSize),
                               place(group, p.group, p.groupSize), place(sacl, p.sacl, p.saclSize), place(dacl, p.dacl, p.daclSize) };
  return TRUE;
}

// --- descriptors of objects
BOOL WINAPI GetKernelObjectSecurity(HANDLE object, SECURITY_INFORMATION parts, PSECURITY_DESCRIPTOR descriptor, DWORD length, LPDWORD needed) {
  return ok(NtQuerySecurityObject(object, parts, descriptor, length, needed));
}
BOOL WINAPI SetKernelObjectSecurity(HANDLE object, SECURITY_INFORMATION parts, PSECURITY_DESCRIPTOR descriptor) {
  return ok(NtSetSecurityObject(object, parts, descriptor));
}
static HANDLE open_file(LPCWSTR name, DWORD access) {
  return CreateFileW(name, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
}
BOOL WINAPI GetFileSecurityW(LPCWSTR name, SECURITY_INFORMATION parts, PSECURITY_DESCRIPTOR descriptor, DWORD length, LPDWORD needed) {
  HANDLE file = open_file(name, READ_CONTROL | (parts & SACL_SECURITY_INFORMATION ? ACCESS_SYSTEM_SECURITY : 0));
  if (file == INVALID_HANDLE_VALUE) return FALSE;
  BOOL done = GetKernelObjectSecurity(file, parts, descriptor, length, needed);
  NtClose(file);
  return done;
}
BOOL WINAPI SetFileSecurityW(LPCWSTR name, SECURITY_INFORMATION parts, PSECURITY_DESCRIPTOR descriptor) {
  DWORD access = (parts & (OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION) ? WRITE_OWNER : 0) |
                 (parts & DACL_SECURITY_INFORMATION ? WRITE_DAC : 0) | (parts & SACL_SECURITY_INFORMATION ? ACCESS_SYSTEM_SECURITY : 0);
  HANDLE file = open_file(name, access);
  if (file == INVALID_HANDLE_VALUE) return FALSE;
  BOOL done = SetKernelObjectSecurity(file, parts, descriptor);
  NtClose(file);
  return done;
}
BOOL WINAPI GetFileSecurityA(LPCSTR name, SECURITY_INFORMATION parts, PSECURITY_DESCRIPTOR descriptor, DWORD length, LPDWORD needed) {
  UNICODE_STRING wide;
  if (!RtlCreateUnicodeStringFromAsciiz(&wide, name)) return refuse(ERROR_NOT_ENOUGH_MEMORY);
  BOOL done = GetFileSecurityW(wide.Buffer, parts, descriptor, length, needed);
  RtlFreeUnicodeString(&wide);
  return done;
}
BOOL WINAPI SetFileSecurityA(LPCSTR name, SECURITY_INFORMATION parts, PSECURITY_DESCRIPTOR descriptor) {
  UNICODE_STRING wide;
  if (!RtlCreateUnicodeStringFromAsciiz(&wide, name)) return refuse(ERROR_NOT_ENOUGH_MEMORY);
  BOOL done = SetFileSecurityW(wide.Buffer, parts, descriptor);
  RtlFreeUnicodeString(&wide);
  return done;
}

/* The descriptor, which the caller frees with LocalFree, and its parts where they are wanted. */
DWORD WINAPI GetSecurityInfo(HANDLE object, SE_OBJECT_TYPE type, SECURITY_INFORMATION parts, PSID *owner, PSID *group, PACL *dacl, PACL *sacl,
                             PSECURITY_DESCRIPTOR *descriptor) {
  DWORD needed = 0;
  if (type != SE_KERNEL_OBJECT && type != SE_FILE_OBJECT) return ERROR_INVALID_PARAMETER;
  if (descriptor == NULL) return ERROR_INVALID_PARAMETER;
  NTSTATUS status = NtQuerySecurityObject(object, parts, NULL, 0, &needed);
  if (status != STATUS_BUFFER_TOO_SMALL) return RtlNtStatusToDosError(status);
  PSECURITY_DESCRIPTOR own = LocalAlloc(LMEM_FIXED, needed);
  if (own == NULL) return ERROR_NOT_ENOUGH_MEMORY;
  status = NtQuerySecurityObject(object, parts, own, needed, &needed);
  if (!NT_SUCCESS(status)) {
    LocalFree(own);
    return RtlNtStatusToDosError(status);
  }
  if (owner != NULL && parts & OWNER_SECURITY_INFORMATION) *owner = PART(own, Owner);
  if (group != NULL && parts & GROUP_SECURITY_INFORMATION) *group = PART(own, Group);
  if (dacl != NULL && parts & DACL_SECURITY_INFORMATION) *dacl = dacl_of(own);
  if (sacl != NULL && parts & SACL_SECURITY_INFORMATION) *sacl = sacl_of(own);
  *descriptor = own;
  return ERROR_SUCCESS;
}
DWORD WINAPI SetSecurityInfo(HANDLE object, SE_OBJECT_TYPE type, SECURITY_INFORMATION parts, PSID owner, PSID group, PACL dacl, PACL sacl) {
  SECURITY_DESCRIPTOR own;
  if (type != SE_KERNEL_OBJECT && type != SE_FILE_OBJECT) return ERROR_INVALID_PARAMETER;
  InitializeSecurityDescriptor(&own, SECURITY_DESCRIPTOR_REVISION);
  own.Owner = owner, own.Group = group, own.Dacl = dacl, own.Sacl = sacl;
  own.Control = (parts & DACL_SECURITY_INFORMATION ? SE_DACL_PRESENT : 0) | (parts & SACL_SECURITY_INFORMATION ? SE_SACL_PRESENT : 0);
  NTSTATUS status = NtSetSecurityObject(object, parts, &own);
  return NT_SUCCESS(status) ? ERROR_SUCCESS : RtlNtStatusToDosError(status);
}
