import { type NtStatus, Status } from '../kernel/index.js';

/** What a system error of the host means to the guest. */
const statuses: Readonly<Record<string, NtStatus>> = {
  EACCES: Status.ACCESS_DENIED,
  EPERM: Status.ACCESS_DENIED,
  EROFS: Status.MEDIA_WRITE_PROTECTED,
  ENOENT: Status.OBJECT_NAME_NOT_FOUND,
  ELOOP: Status.OBJECT_NAME_NOT_FOUND,
  ENOTDIR: Status.OBJECT_PATH_NOT_FOUND,
  EEXIST: Status.OBJECT_NAME_COLLISION,
  ENOTEMPTY: Status.DIRECTORY_NOT_EMPTY,
  EISDIR: Status.FILE_IS_A_DIRECTORY,
  ENAMETOOLONG: Status.OBJECT_NAME_INVALID,
  EINVAL: Status.INVALID_PARAMETER,
  ENOSPC: Status.DISK_FULL,
  EDQUOT: Status.DISK_FULL,
  EFBIG: Status.DISK_FULL,
  EMFILE: Status.TOO_MANY_OPENED_FILES,
  ENFILE: Status.TOO_MANY_OPENED_FILES,
  EBUSY: Status.SHARING_VIOLATION,
  ETXTBSY: Status.SHARING_VIOLATION,
  EXDEV: Status.NOT_SAME_DEVICE,
  EPIPE: Status.PIPE_BROKEN,
  EIO: Status.DEVICE_DATA_ERROR,
};

/** The code of a Node system error, '' for anything else. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

/** Runs host calls; a system error becomes the NTSTATUS nearest to it. */
export function hostCall<Result>(action: () => Result): Result | NtStatus {
  try {
    return action();
  } catch (error) {
    return statuses[errorCode(error)] ?? Status.UNSUCCESSFUL;
  }
}

/** Lets the thread sleep. */
export function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
