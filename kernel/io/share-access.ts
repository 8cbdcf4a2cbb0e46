import { Access } from '../ob/access-mask.js';
import { FileAccess, type FileObject, FileShare } from './file-object.js';

/** The part of an access mask that sharing is about. */
interface ShareUse {
  readonly reads: boolean;
  readonly writes: boolean;
  readonly deletes: boolean;
}

function useOf(access: number): ShareUse {
  return {
    reads: (access & (FileAccess.READ_DATA | FileAccess.EXECUTE)) !== 0,
    writes: (access & (FileAccess.WRITE_DATA | FileAccess.APPEND_DATA)) !== 0,
    deletes: (access & Access.DELETE) !== 0,
  };
}

/**
 * Tells whether a further open fits beside those that exist (IoCheckShareAccess): neither may want what the other does
 * not share. Opens that want neither data nor deletion are no party to it.
 */
export function shareAccessFits(opens: readonly FileObject[], access: number, share: number): boolean {
  const wanted = useOf(access);
  if (!wanted.reads && !wanted.writes && !wanted.deletes) return true;
  return opens.every((open) => {
    const held = useOf(open.grantedAccess);
    if (!held.reads && !held.writes && !held.deletes) return true;
    return permits(open.shareAccess, wanted) && permits(share, held);
  });
}

function permits(share: number, use: ShareUse): boolean {
  if (use.reads && (share & FileShare.READ) === 0) return false;
  if (use.writes && (share & FileShare.WRITE) === 0) return false;
  return !use.deletes || (share & FileShare.DELETE) !== 0;
}
