/* Security descriptors as text and back, and objects that are protected by such a text. */
#include <windows.h>
#include <sddl.h>
#include <stdio.h>
#include <string.h>

#define ALL_PARTS (OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION | SACL_SECURITY_INFORMATION)

/* What the text becomes when it goes to a descriptor and back. */
static void round_trip(const char *text) {
  PSECURITY_DESCRIPTOR descriptor;
  ULONG size, length;
  LPSTR back;
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorA(text, SDDL_REVISION_1, &descriptor, &size)) {
    printf("%-60s error %lu\n", text, GetLastError());
    return;
  }
  BOOL valid = IsValidSecurityDescriptor(descriptor) && GetSecurityDescriptorLength(descriptor) == size;
  if (!ConvertSecurityDescriptorToStringSecurityDescriptorA(descriptor, SDDL_REVISION_1, ALL_PARTS, &back, &length)) {
    printf("%-60s cannot be written: %lu\n", text, GetLastError());
  } else {
    BOOL same = strcmp(back, text) == 0;
    printf("%-60s %lu bytes%s%s%s\n", text, size, valid ? "" : ", not valid", same ? "" : ", is ", same ? "" : back);
    if (length != strlen(back) + 1) printf("length %lu\n", length);
    LocalFree(back);
  }
  LocalFree(descriptor);
}

static void wide(void) {
  PSECURITY_DESCRIPTOR descriptor;
  LPWSTR back;
  PSID sid;
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(L"O:BAD:(A;;GR;;;WD)", 1, &descriptor, NULL)) return;
  ConvertSecurityDescriptorToStringSecurityDescriptorW(descriptor, 1, DACL_SECURITY_INFORMATION, &back, NULL);
  printf("wide: %ls\n", back);
  LocalFree(back), LocalFree(descriptor);
  if (ConvertStringSidToSidA("BA", &sid)) {
    printf("BA has %u parts\n", *GetSidSubAuthorityCount(sid));
    LocalFree(sid);
  }
  printf("revision 2: %d, ", ConvertStringSecurityDescriptorToSecurityDescriptorA("O:BA", 2, &descriptor, NULL));
  printf("error %lu\n", GetLastError());
}

/* Who is denied by a text is denied: the creator keeps what he has, everybody else gets what it says. */
static void guard(const char *text, DWORD access) {
  SECURITY_ATTRIBUTES attributes = { sizeof attributes, NULL, FALSE };
  ConvertStringSecurityDescriptorToSecurityDescriptorA(text, SDDL_REVISION_1, &attributes.lpSecurityDescriptor, NULL);
  HANDLE event = CreateEventA(&attributes, TRUE, FALSE, "guarded by a text");
  HANDLE opened = OpenEventA(access, FALSE, "guarded by a text");
  printf("%-40s %s", text, opened != NULL ? "opened\n" : "");
  if (opened == NULL) printf("error %lu\n", GetLastError());
  CloseHandle(opened), CloseHandle(event);
  LocalFree(attributes.lpSecurityDescriptor);
}

int main(void) {
  static const char *const texts[] = {
    "", "O:BA", "O:BAG:SY", "O:S-1-5-21-1-2-3-4G:WD", "D:", "D:P", "D:(A;;GA;;;WD)", "D:PAI(A;OICI;FA;;;BA)(D;;SDWDWO;;;BG)",
    "O:BAG:BAD:AR(A;OICIIO;0x12345678;;;CO)S:P(AU;SAFA;GAGW;;;WD)", "D:(OA;CI;RPWP;bf967a9c-0de6-11d0-a285-00aa003049e2;;PS)",
    "D:(OD;;CR;;00112233-4455-6677-8899-aabbccddeeff;LA)(OA;;LC;;;DU)", "D:(A;;0;;;AU)", "D:(A;;KR;;;S-1-5-21-86-1986-2005-1000)",
    " o:ba g:sy d:( a ; oi ci ; fa ; ; ; ba )", "D:(A;;FRFW;;;RC)", "D:(A;;65536;;;NS)",
    // What is none.
    "X:BA", "O", "O:", "O:B", "O:S-2-1", "O:BAO:BA", "D:(A;;GA;;WD)", "D:(Q;;GA;;;WD)", "D:(A;;QQ;;;WD)", "D:(A;;GA;;;WD", "D:(A;;GA;;;ZZ)",
    "D:(OA;;GA;1234;;WD)", "D:(A;;GA;00112233-4455-6677-8899-aabbccddeeff;;WD)", "D:)", "junk",
  };
  for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) round_trip(texts[i]);
  wide();
  guard("D:(A;;0x1f0003;;;WD)", EVENT_ALL_ACCESS);
  guard("D:(D;;0x2;;;WD)(A;;0x1f0003;;;WD)", EVENT_MODIFY_STATE);
  guard("D:(D;;0x2;;;WD)(A;;0x1f0003;;;WD)", SYNCHRONIZE);
  guard("D:", SYNCHRONIZE);
  return 0;
}
