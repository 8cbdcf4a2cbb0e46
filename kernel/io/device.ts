import type { ConsoleDevice } from './console-device.js';
import type { NullDevice } from './null-device.js';
import type { PipeDevice } from './pipe-device.js';
import type { StreamDevice } from './stream-device.js';
import type { VolumeDevice } from './volume-device.js';

/** FILE_DEVICE_* that FileFsDeviceInformation reports. */
export const DeviceType = { DISK: 7, NAMED_PIPE: 0x11, NULL: 0x15, CONSOLE: 0x50 } as const;

/** Body of a Device object. */
export type DeviceBody = VolumeDevice | ConsoleDevice | StreamDevice | NullDevice | PipeDevice;
