import type { Service } from '../ke/service.js';
import { accessCheckServices } from './access-check-services.js';
import { auditServices } from './audit-services.js';
import { securityServices } from './security-services.js';
import { tokenServices } from './token-services.js';

export { type Account, accounts, accountToken } from './account.js';
export { Privilege, PrivilegeAttribute, privilegeByName, privilegeNames } from './privilege.js';
export type { SecurityIdentifier } from './sid.js';
export { Token } from './token.js';

export const seServices: readonly Service[] = [
  ...tokenServices,
  ...securityServices,
  ...accessCheckServices,
  ...auditServices,
];
