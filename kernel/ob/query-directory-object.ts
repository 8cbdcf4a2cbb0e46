import type { Kernel } from '../kernel.js';
import { encodeUtf16 } from '../mm/user-memory.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';

const DIRECTORY_QUERY = 1;
/** Two UNICODE_STRINGs: name and type. */
const ENTRY_SIZE = 16;

/**
 * NtQueryDirectoryObject(handle, buffer, length, single, restart, context*, returned length*): OBJECT_DIRECTORY_INFORMATION
 * entries, an empty one behind the last, then the texts. MORE_ENTRIES, NO_MORE_ENTRIES, BUFFER_TOO_SMALL.
 */
export function* queryDirectoryObject(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [handle, buffer, length, single, restart, contextAddress, returnedAddress] = given;
  const { user, ob } = kernel;
  let status = yield* user.probeForWrite(buffer, length, 4);
  if (isSuccess(status)) status = yield* user.probeForWrite(contextAddress, 4, 4);
  if (isSuccess(status) && returnedAddress !== 0) status = yield* user.probeForWrite(returnedAddress, 4, 4);
  if (!isSuccess(status)) return status;
  const directory = ob.peekObjectByHandle(handle, ob.types.directory, DIRECTORY_QUERY);
  if (directory.object === null) return directory.status;
  const entries = directory.object.body.entries();
  const first = (restart & 0xff) !== 0 ? 0 : user.read32(contextAddress);
  if (first >= entries.length) return Status.NO_MORE_ENTRIES;
  const limit = (single & 0xff) !== 0 ? 1 : entries.length;
  let size = ENTRY_SIZE;
  let count = 0;
  while (count < limit && first + count < entries.length) {
    const { name, object } = entries[first + count];
    const needed = ENTRY_SIZE + (name.length + object.type.name.length + 2) * 2;
    if (size + needed > length) break;
    size += needed;
    count++;
  }
  if (count === 0) return Status.BUFFER_TOO_SMALL;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let text = (count + 1) * ENTRY_SIZE;
  const put = (at: number, value: string): void => {
    const encoded = encodeUtf16(value);
    view.setUint16(at, encoded.length, true);
    view.setUint16(at + 2, encoded.length + 2, true);
    view.setUint32(at + 4, buffer + text, true);
    bytes.set(encoded, text);
    text += encoded.length + 2;
  };
  for (let index = 0; index < count; index++) {
    const { name, object } = entries[first + index];
    put(index * ENTRY_SIZE, name);
    put(index * ENTRY_SIZE + 8, object.type.name);
  }
  user.writeBytes(buffer, bytes);
  user.write32(contextAddress, first + count);
  if (returnedAddress !== 0) user.write32(returnedAddress, size);
  return first + count < entries.length && limit !== 1 ? Status.MORE_ENTRIES : Status.SUCCESS;
}
