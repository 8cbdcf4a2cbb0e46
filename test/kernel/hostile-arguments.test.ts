import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ioServices } from '../../kernel/io/index.js';
import { encodeUtf16 } from '../../kernel/mm/user-memory.js';
import { obServices } from '../../kernel/ob/index.js';
import { psServices } from '../../kernel/ps/index.js';
import { seServices } from '../../kernel/se/index.js';
import { BareProcess, CODE, code, DATA } from './bare-process.js';

/** Ends or stops somebody, or waits for good. */
const excluded = ['NtTerminateProcess', 'NtTerminateThread', 'NtSuspendProcess', 'NtSuspendThread', 'NtLockFile'];
const services = [...ioServices, ...obServices, ...psServices, ...seServices].filter(
  (service) => !excluded.includes(service.name),
);

const NAME = DATA + 0x80;
const ATTRIBUTES = DATA + 0x40;
const ADDRESSES = [
  DATA,
  DATA + 0x100,
  ATTRIBUTES,
  NAME,
  DATA + 0xfff8,
  DATA + 0xffff,
  CODE,
  0x10,
  0x7ffe0000,
  0x7fff0000,
];
const HANDLES = [0xffffffff, 0xfffffffe, 4, 8, 12, 16, 20, 24];
const argument = fc.oneof(
  fc.constantFrom(...ADDRESSES),
  fc.constantFrom(...HANDLES),
  fc.nat(70),
  fc.nat(0x300),
  fc.constantFrom(0x80000000, 0xffffffff, 0x7fffffff, 0x2000000, 0xc0100000, 0x100000),
  fc.integer({ min: 0, max: 0xffffffff }),
);
const names = [
  '\\??\\C:\\file',
  '\\??\\C:\\dir\\',
  '\\Device\\Null',
  '\\BaseNamedObjects\\x',
  '..\\..',
  '',
  '\\',
  'x:y',
];
interface Call {
  readonly service: (typeof services)[number];
  readonly arguments: readonly number[];
  readonly name: string;
  readonly data: readonly number[];
}
const call: fc.Arbitrary<Call> = fc.record({
  service: fc.constantFrom(...services),
  arguments: fc.array(argument, { minLength: 17, maxLength: 17 }),
  name: fc.constantFrom(...names),
  data: fc.array(fc.integer({ min: 0, max: 0xffffffff }), { minLength: 8, maxLength: 8 }),
});

it('no arguments make a service of io, ob, ps or se throw, hang or break the memory manager', () => {
  const guest = new BareProcess(code('eb fe'), { memorySize: 16 << 20 });
  const { kernel } = guest;
  kernel.ps.setToken(guest.process, kernel.ps.createUserToken());
  const runCalls = (calls: readonly Call[]): void => {
    let failure: unknown = null;
    guest.inProcess(function* () {
      const { user } = kernel;
      for (const { service, arguments: given, name, data } of calls) {
        data.forEach((value, index) => {
          user.write32(DATA + index * 4, value);
        });
        const bytes = encodeUtf16(name);
        user.writeBytes(NAME + 8, bytes);
        [bytes.length | (bytes.length << 16), NAME + 8].forEach((value, index) => {
          user.write32(NAME + index * 4, value);
        });
        [0x18, 0, NAME, 0x40, 0, 0].forEach((value, index) => {
          user.write32(ATTRIBUTES + index * 4, value);
        });
        user.clearFailure();
        try {
          const status = yield* guest.call(service.name, ...given.slice(0, service.arguments));
          expect(Number.isInteger(status) && status >= 0 && status <= 0xffffffff).toBe(true);
        } catch (error) {
          failure ??= new Error(`${service.name}(${given.slice(0, service.arguments).join(', ')})`, { cause: error });
        }
      }
    });
    if (failure !== null) throw failure;
  };
  fc.assert(fc.property(fc.array(call, { minLength: 20, maxLength: 40 }), runCalls), { numRuns: 150, seed: 86 });
  expect(kernel.mm.verify()).toBeNull();
});
