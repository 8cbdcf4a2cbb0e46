import { isSuccess, Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { DirectoryBody } from './directory.js';
import { MAXIMUM_NAME_LENGTH } from './name.js';
import { isOfType, type ObjectAttributes, ObjectFlag, type ObjectHeader } from './object-header.js';
import type { ObjectManager } from './object-manager.js';

/** Symbolic links followed before a path counts as a loop. */
const MAXIMUM_REPARSES = 32;

/** Outcome of a look-up. */
export interface LookupResult {
  readonly status: NtStatus;
  /** What was found: a named object, or the device (or open file) that the path leads into. Null on failure. */
  readonly object: ObjectHeader | null;
  /** What is left of the path behind a device or file: '' or text that starts with '\'. */
  readonly remaining: string;
  /** When only the last component is missing (OBJECT_NAME_NOT_FOUND): the directory that could take it. */
  readonly directory: ObjectHeader<DirectoryBody> | null;
  /** The last component. */
  readonly name: string;
}

/**
 * Walks a path (ObpLookupObjectName). OBJECT_PATH_SYNTAX_BAD (no leading '\', or one with a root directory),
 * OBJECT_NAME_INVALID (empty component, too long), OBJECT_PATH_NOT_FOUND, OBJECT_NAME_NOT_FOUND, OBJECT_TYPE_MISMATCH
 * (something that is no directory on the way), ACCESS_DENIED by a directory on the way, and what the root handle gives.
 */
export function lookupName(manager: ObjectManager, attributes: ObjectAttributes, openLink: boolean): LookupResult {
  const name = attributes.name ?? '';
  const caseInsensitive = (attributes.attributes & ObjectFlag.CASE_INSENSITIVE) !== 0;
  if (name.length > MAXIMUM_NAME_LENGTH) return failure(Status.OBJECT_NAME_INVALID);
  if (attributes.root === 0) {
    if (!name.startsWith('\\')) return failure(Status.OBJECT_PATH_SYNTAX_BAD);
    return walk(manager, manager.root, name.slice(1), caseInsensitive, openLink);
  }
  const root = manager.peekObjectByHandle(attributes.root, null, 0);
  if (root.object === null || !isSuccess(root.status)) return failure(root.status);
  if (isOfType(root.object, manager.types.directory)) {
    if (name.startsWith('\\')) return failure(Status.OBJECT_PATH_SYNTAX_BAD);
    return walk(manager, root.object, name, caseInsensitive, openLink);
  }
  if (isOfType(root.object, manager.types.file)) return found(root.object, name);
  return failure(Status.OBJECT_TYPE_MISMATCH);
}

function walk(
  manager: ObjectManager,
  start: ObjectHeader<DirectoryBody>,
  startPath: string,
  caseInsensitive: boolean,
  openLink: boolean,
): LookupResult {
  let directory = start;
  let path = startPath;
  for (let reparses = 0; reparses <= MAXIMUM_REPARSES; ) {
    if (path === '') return found(directory, '');
    const separator = path.indexOf('\\');
    const component = separator < 0 ? path : path.slice(0, separator);
    const rest = separator < 0 ? '' : path.slice(separator);
    if (component === '') return failure(Status.OBJECT_NAME_INVALID);
    if (!manager.security.mayTraverse(directory)) return failure(Status.ACCESS_DENIED);
    const object = directory.body.find(component, caseInsensitive);
    if (object === null) {
      if (rest !== '') return failure(Status.OBJECT_PATH_NOT_FOUND);
      return { status: Status.OBJECT_NAME_NOT_FOUND, object: null, remaining: '', directory, name: component };
    }
    if (isOfType(object, manager.types.symbolicLink) && !(openLink && rest === '')) {
      reparses++;
      const target = object.body.target + rest;
      if (target.length > MAXIMUM_NAME_LENGTH) return failure(Status.NAME_TOO_LONG);
      if (target !== '' && !target.startsWith('\\')) return failure(Status.OBJECT_PATH_SYNTAX_BAD);
      directory = manager.root;
      path = target.slice(1);
      continue;
    }
    if (isOfType(object, manager.types.device)) return found(object, rest);
    if (rest === '') return found(object, '');
    if (!isOfType(object, manager.types.directory)) return failure(Status.OBJECT_TYPE_MISMATCH);
    if (rest === '\\') return failure(Status.OBJECT_NAME_INVALID);
    directory = object;
    path = rest.slice(1);
  }
  return failure(Status.OBJECT_NAME_NOT_FOUND);
}

function found(object: ObjectHeader, remaining: string): LookupResult {
  return { status: Status.SUCCESS, object, remaining, directory: null, name: '' };
}

function failure(status: NtStatus): LookupResult {
  return { status, object: null, remaining: '', directory: null, name: '' };
}
