export { Access } from './access-mask.js';
export { DirectoryBody, SymbolicLinkBody } from './directory.js';
export { objectManagerEnvironment } from './environment.js';
export { compareNames, MAXIMUM_NAME_LENGTH, upcaseName } from './name.js';
export { obServices } from './ob-services.js';
export { HandleFlag, isOfType, type ObjectAttributes, ObjectFlag, ObjectHeader } from './object-header.js';
export {
  CURRENT_PROCESS,
  CURRENT_THREAD,
  type HandleEntry,
  type HandleResult,
  type HandleTableOwner,
  ObjectManager,
  type ObjectManagerEnvironment,
  type ObjectResult,
} from './object-manager.js';
export { type ObjectProcedures, ObjectType, type ObjectTypeDescription } from './object-type.js';
export type { ObjectTypes } from './object-types.js';
