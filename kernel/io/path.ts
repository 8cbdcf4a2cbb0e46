import type { HostPath } from '../host.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';

/** Longest component in UTF-16 code units. */
const MAXIMUM_COMPONENT = 255;

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

/** Tells whether a component may be a file name on NTFS. */
export function isValidComponent(component: string): boolean {
  if (component === '' || component === '.' || component === '..') return false;
  if (component.length > MAXIMUM_COMPONENT) return false;
  for (let index = 0; index < component.length; index++) {
    const unit = component.charCodeAt(index);
    if (unit < 0x20 || FORBIDDEN.includes(component[index])) return false;
  }
  return true;
}

const FORBIDDEN = '<>:"/|?*\\';
