/** SE_PRIVILEGE_* attributes. */
export const PrivilegeAttribute = {
  ENABLED_BY_DEFAULT: 1,
  ENABLED: 2,
  REMOVED: 4,
  USED_FOR_ACCESS: 0x80000000,
} as const;

/** Privilege LUIDs (nt52.md 14). */
export const Privilege = {
  CREATE_TOKEN: 2,
  ASSIGN_PRIMARY_TOKEN: 3,
  LOCK_MEMORY: 4,
  INCREASE_QUOTA: 5,
  MACHINE_ACCOUNT: 6,
  TCB: 7,
  SECURITY: 8,
  TAKE_OWNERSHIP: 9,
  LOAD_DRIVER: 10,
  SYSTEM_PROFILE: 11,
  SYSTEMTIME: 12,
  PROFILE_SINGLE_PROCESS: 13,
  INCREASE_BASE_PRIORITY: 14,
  CREATE_PAGEFILE: 15,
  CREATE_PERMANENT: 16,
  BACKUP: 17,
  RESTORE: 18,
  SHUTDOWN: 19,
  DEBUG: 20,
  AUDIT: 21,
  SYSTEM_ENVIRONMENT: 22,
  CHANGE_NOTIFY: 23,
  REMOTE_SHUTDOWN: 24,
  UNDOCK: 25,
  SYNC_AGENT: 26,
  ENABLE_DELEGATION: 27,
  MANAGE_VOLUME: 28,
  IMPERSONATE: 29,
  CREATE_GLOBAL: 30,
} as const;

/** Windows' name of each privilege: SeLockMemoryPrivilege. */
export const privilegeNames: ReadonlyMap<number, string> = new Map(
  Object.entries(Privilege).map(([key, luid]) => [luid, `Se${pascalCase(key)}Privilege`]),
);

function pascalCase(key: string): string {
  return key
    .toLowerCase()
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

/** The privilege of a name in any case, with or without Se and Privilege around it. Null: there is none. */
export function privilegeByName(name: string): number | null {
  const wanted = name.toLowerCase();
  for (const [luid, own] of privilegeNames) {
    const whole = own.toLowerCase();
    if (wanted === whole || wanted === whole.slice(2, -'privilege'.length)) return luid;
  }
  return null;
}
