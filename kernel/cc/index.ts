export { CacheManager, type CacheUser } from './cache-manager.js';
export { copyRead, copyWrite } from './copy.js';
export { AccessPattern, type PrivateCacheMap } from './private-cache-map.js';
export type { CachedFile, SharedCacheMap } from './shared-cache-map.js';
export { startCacheThreads } from './system-threads.js';
