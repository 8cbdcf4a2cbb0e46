export { Privilege, type SecurityIdentifier, Token } from './token.js';
export { seServices } from './token-services.js';
