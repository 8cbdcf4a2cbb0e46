export { CacheManager, type CacheUser } from './cache-manager.js';
export { type CopyResult, copyRead, copyWrite, isReplaced } from './copy.js';
export { type CopyBuffer, KernelBuffer, UserBuffer } from './copy-buffer.js';
export {
  isPinned,
  mdlRead,
  mdlReadComplete,
  mdlWriteComplete,
  oldestLsn,
  type PinResult,
  pinnedByte,
  pinRead,
  prepareMdlWrite,
  preparePinWrite,
  setDirtyPinnedData,
  unpinData,
} from './pin.js';
export { AccessPattern, type PrivateCacheMap } from './private-cache-map.js';
export { type Fetch, isInMemory, type PageRange } from './read-ahead.js';
export type { CachedFile, SharedCacheMap } from './shared-cache-map.js';
export { startCacheThreads } from './system-threads.js';
export { MAXIMUM_CHARGE } from './write-throttle.js';
