export { Checkpoint, Checkpointer } from './checkpoint.js';
export { UnreflectableError } from './object-graph.js';
export { codeText, isReflectable } from './runtime.js';
export { type ImageNode, type ImageValue, type StateImage, StateImageError, StateImager } from './state-image.js';
