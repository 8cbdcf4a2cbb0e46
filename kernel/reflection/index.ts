export { Checkpoint, Checkpointer } from './checkpoint.js';
export { UnreflectableError } from './object-graph.js';
export { isReflectable } from './runtime.js';
