import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { type Service, service } from './service.js';

/** English (United States), the only locale of the machine. */
const LOCALE_EN_US = 0x409;

function* storeLocale(kernel: Kernel, address: number, size: 2 | 4): Blocking<NtStatus> {
  const probed = yield* kernel.user.probeForWrite(address, size);
  if (!isSuccess(probed)) return probed;
  if (size === 2) kernel.user.write16(address, LOCALE_EN_US);
  else kernel.user.write32(address, LOCALE_EN_US);
  return Status.SUCCESS;
}

/** Default locale and languages. */
export const localeServices: readonly Service[] = [
  service('NtQueryDefaultLocale', (kernel, _userProfile, address) => storeLocale(kernel, address, 4)),
  service('NtQueryDefaultUILanguage', (kernel, address) => storeLocale(kernel, address, 2)),
  service('NtQueryInstallUILanguage', (kernel, address) => storeLocale(kernel, address, 2)),
];
