import type { Service } from '../ke/service.js';
import { deviceControlServices } from './device-control.js';
import { fileServices } from './file-services.js';
import { fsControlServices } from './fs-control.js';
import { ioCompletionServices } from './io-completion.js';
import { lockServices } from './lock-services.js';
import { pipeServices } from './pipe-services.js';
import { directoryServices } from './query-directory.js';
import { queryFileServices } from './query-file.js';
import { readWriteServices } from './read-write.js';
import { setFileServices } from './set-file.js';
import { volumeServices } from './volume-information.js';

export type { FileControlBlock } from './file-control-block.js';
export { FileObject } from './file-object.js';
export { type ImageFileResult, IoManager } from './io-manager.js';
export { MemoryVolume } from './memory-volume.js';
export { mountedVolume } from './mounted-volume.js';

/** Rows of the system service table for files and devices. */
export const ioServices: readonly Service[] = [
  ...fileServices,
  ...readWriteServices,
  ...queryFileServices,
  ...setFileServices,
  ...directoryServices,
  ...volumeServices,
  ...lockServices,
  ...deviceControlServices,
  ...fsControlServices,
  ...pipeServices,
  ...ioCompletionServices,
];
