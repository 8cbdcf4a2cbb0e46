import type { HostPath } from '../host.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';

/** Longest component in UTF-16 code units. */
const MAXIMUM_COMPONENT = 255;
/** Longest name in the NT name space that a UNICODE_STRING holds and NT takes, in UTF-16 code units. */
const MAXIMUM_NAME = 32766;

/** A path on a volume, taken apart. */
export interface VolumePath {
  readonly components: HostPath;
  /** It ended in '\': only a directory will do. */
  readonly trailingSeparator: boolean;
}

/**
 * Takes apart what follows the device in an NT path, for a file system like NTFS: '' or '\a\b' (or 'a\b' below a root
 * directory). There is no '.', '..' or '/' in NT paths (Win32 resolves them before), so they are refused:
 * OBJECT_NAME_INVALID, as for empty components, characters below 20, any of <>:"/|?* and components of more than 255
 * characters. The unnamed data stream may be named: 'file::$DATA'.
 */
export function parseVolumePath(text: string): VolumePath | NtStatus {
  let path = text.startsWith('\\') ? text.slice(1) : text;
  if (path === '') return { components: [], trailingSeparator: text !== '' };
  const trailingSeparator = path.endsWith('\\');
  if (trailingSeparator) path = path.slice(0, -1);
  const components = path.split('\\');
  const last = components.length - 1;
  const withoutStream = components[last].replace(/::\$DATA$/i, '');
  if (withoutStream !== '') components[last] = withoutStream;
  if (!components.every(isValidComponent)) return Status.OBJECT_NAME_INVALID;
  return { components, trailingSeparator };
}

/**
 * A path below a directory. OBJECT_NAME_INVALID when its name in the NT name space would be longer than a UNICODE_STRING can say, which
 * opening relative to directories could reach.
 * @param devicePath of the volume
 */
export function pathBelow(devicePath: string, base: HostPath, rest: HostPath): HostPath | NtStatus {
  const components = [...base, ...rest];
  const length = components.reduce((sum, component) => sum + 1 + component.length, devicePath.length);
  return length > MAXIMUM_NAME ? Status.OBJECT_NAME_INVALID : components;
}

/** Tells whether a pattern of NtQueryDirectoryFile may match a file name on NTFS: wild cards, and what names are made of. */
export function isValidPattern(pattern: string): boolean {
  return pattern.length <= MAXIMUM_COMPONENT && isFreeOf(pattern, ':/|\\');
}

/** Tells whether a component may be a file name on NTFS. */
export function isValidComponent(component: string): boolean {
  if (component === '' || component === '.' || component === '..') return false;
  return component.length <= MAXIMUM_COMPONENT && isFreeOf(component, FORBIDDEN);
}

/** Neither control characters nor forbidden ones. */
function isFreeOf(text: string, forbidden: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) < 0x20 || forbidden.includes(text[index])) return false;
  }
  return true;
}

const FORBIDDEN = '<>:"/|?*\\';
