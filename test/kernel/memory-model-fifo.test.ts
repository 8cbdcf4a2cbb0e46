import { describeModel } from './memory-model-property.js';

describeModel('fifo');
