export { type Account, accounts, accountToken } from './account.js';
export { Privilege, PrivilegeAttribute, privilegeByName, privilegeNames } from './privilege.js';
export type { SecurityIdentifier } from './sid.js';
export { Token } from './token.js';
export { seServices } from './token-services.js';
