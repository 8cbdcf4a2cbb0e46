export { HandleTable } from './handle-table.js';
export { POOL_BUDDY_MAX, Pool, type PoolMemory, type PoolRange, type PoolReader, PoolType, poolTag } from './pool.js';
export { PoolTrackers, type TagTracker, type TagUsage } from './pool-trackers.js';
