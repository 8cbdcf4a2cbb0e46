import { ioServices } from './io/index.js';
import { keServices } from './ke/index.js';
import type { Service } from './ke/service.js';
import { memoryServices } from './mm/mm-services.js';
import { obServices } from './ob/ob-services.js';
import { psServices } from './ps/index.js';
import { seServices } from './se/index.js';

/** Every service routine of the kernel: the system service table's rows, each in its component's own file. */
export const services: readonly Service[] = [
  ...ioServices,
  ...keServices,
  ...memoryServices,
  ...obServices,
  ...psServices,
  ...seServices,
];
