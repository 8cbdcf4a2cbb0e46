import { Access, type GenericMapping } from '../ob/access-mask.js';
import { AceType, aclOf, entry } from './acl.js';
import { mapAcl } from './assign-security.js';
import { Control, type SecurityDescriptor } from './security-descriptor.js';
import { ADMINISTRATORS, EVERYONE, LOCAL_SYSTEM, RESTRICTED_CODE } from './sid.js';

const READ_AND_EXECUTE = Access.GENERIC_READ | Access.GENERIC_EXECUTE;

/**
 * The descriptor of an object that the system makes for everybody: LocalSystem and administrators may do everything, the others
 * what is given here (SePublicDefaultUnrestrictedSd where they may read and execute).
 */
export function systemSecurity(
  mapping: GenericMapping,
  everyone: number = READ_AND_EXECUTE,
  restricted: number = everyone,
): SecurityDescriptor {
  const entries = [
    entry(AceType.ACCESS_ALLOWED, EVERYONE, everyone),
    entry(AceType.ACCESS_ALLOWED, LOCAL_SYSTEM, Access.GENERIC_ALL),
    entry(AceType.ACCESS_ALLOWED, ADMINISTRATORS, Access.GENERIC_ALL),
    entry(AceType.ACCESS_ALLOWED, RESTRICTED_CODE, restricted),
  ];
  return {
    control: Control.DACL_PRESENT,
    owner: ADMINISTRATORS,
    group: LOCAL_SYSTEM,
    dacl: mapAcl(aclOf(entries), mapping),
    sacl: null,
  };
}

/** The descriptor of whatever a file system without security of its own says: anybody may do anything. */
export const UNPROTECTED: SecurityDescriptor = {
  control: Control.DACL_PRESENT,
  owner: EVERYONE,
  group: EVERYONE,
  dacl: null,
  sacl: null,
};
