/** Rights of token handles. */
export const TokenAccess = {
  ASSIGN_PRIMARY: 0x1,
  DUPLICATE: 0x2,
  IMPERSONATE: 0x4,
  QUERY: 0x8,
  QUERY_SOURCE: 0x10,
  ADJUST_PRIVILEGES: 0x20,
  ADJUST_GROUPS: 0x40,
  ADJUST_DEFAULT: 0x80,
  ADJUST_SESSIONID: 0x100,
} as const;

/** TOKEN_INFORMATION_CLASS. */
export const TokenClass = {
  User: 1,
  Groups: 2,
  Privileges: 3,
  Owner: 4,
  PrimaryGroup: 5,
  DefaultDacl: 6,
  Source: 7,
  Type: 8,
  ImpersonationLevel: 9,
  Statistics: 10,
  RestrictedSids: 11,
  SessionId: 12,
  GroupsAndPrivileges: 13,
  SandBoxInert: 15,
  Origin: 17,
} as const;
