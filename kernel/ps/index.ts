import type { Service } from '../ke/service.js';
import { createProcessServices } from './create-process-services.js';
import { jobServices } from './job-services.js';
import { processServices } from './process-services.js';
import { queryProcessServices } from './query-process.js';
import { queryThreadServices } from './query-thread.js';
import { systemInformationServices } from './system-information.js';
import { threadServices } from './thread-services.js';

export { createProcess, type NewProcess } from './create-process.js';
export { createUserThread, type InitialTeb, initialContext, type ThreadRequest } from './create-thread.js';
export { EProcess, PriorityClass } from './process.js';
export { ProcessManager, SYSTEM_PROCESS_ID } from './process-manager.js';
export { createUserProcess, type ProcessRequest, type ProcessResult } from './start-program.js';
export { EThread } from './thread.js';

/** Rows of the system service table for processes, threads and the system. */
export const psServices: readonly Service[] = [
  ...processServices,
  ...createProcessServices,
  ...jobServices,
  ...queryProcessServices,
  ...threadServices,
  ...queryThreadServices,
  ...systemInformationServices,
];
