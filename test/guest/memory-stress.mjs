// Every kind of memory at once (guest/programs/memory-stress.c) for two minutes of virtual time with 32 MB of memory, under PAE and
// without, as it is and with each kind of injection, and a report of what the processes left behind:
//   node tools/build/build.mjs && node test/guest/memory-stress.mjs [SECONDS] [INJECTIONS OF EACH KIND]
// Exit status 0: every run ended as it may, the memory manager is in order, and nothing has leaked. Takes ten minutes; no part of the suite.
import { holdings, leaks, Machine, Status, statusName } from '../../dist/index.js';
import { scriptHost } from './script-host.mjs';

const [, , seconds = '120', each = '2'] = process.argv;
const LOCK_MEMORY = 4;
/** How the program says that private memory could not be read back, or that its first allocations failed. */
const IN_PAGE_ERROR = 200;
const NO_START = 202;
/** KERNEL_STACK_INPAGE_ERROR, KERNEL_DATA_INPAGE_ERROR: a page that the kernel needs cannot be read. */
const BUGCHECKS = [0x77, 0x7a];

function machineOf(pae, injections) {
  const { host, output, close } = scriptHost();
  const options = {
    imagePath: '\\??\\Z:\\memory-stress.exe',
    commandLine: `Z:\\memory-stress.exe ${seconds} 1`,
    currentDirectory: 'Z:\\',
    memorySize: 32 << 20,
    pae,
    privileges: [LOCK_MEMORY],
    injections,
    maximumTime: (Number(seconds) + 300) * 1e9,
  };
  return { machine: new Machine(options, host), output, close };
}

/** What the machine holds when only ntdll.dll is loaded, which stays. */
function initial(pae) {
  const { machine, close } = machineOf(pae, []);
  machine.kernel.ps.loadSystemDll();
  const held = holdings(machine.kernel);
  close();
  return held;
}

/** One line, and whether all is well. */
function run(pae, injections, before) {
  const { machine, output, close } = machineOf(pae, injections);
  try {
    const { reason, status, bugcheck, unhandledException, hardError } = machine.run();
    if (bugcheck !== null) {
      return {
        text: `bugcheck ${bugcheck.code.toString(16)}`,
        isRight: injections.length > 0 && BUGCHECKS.includes(bugcheck.code),
      };
    }
    machine.kernel.runLoop.run(0, () => false);
    const problem = machine.verify();
    machine.kernel.mm.unusedSegments.deleteAll(machine.kernel);
    const left = problem === null ? leaks(before, holdings(machine.kernel)) : [];
    const wrong = problem ?? left.join(', ');
    const failure = unhandledException?.code ?? hardError?.status ?? null;
    const ending =
      failure === null
        ? `${reason} ${status}: ${output().trim().split('\n').at(-1)}`
        : `ended by ${statusName(failure)}`;
    const mayEnd =
      status === 0 ||
      (injections.length > 0 &&
        (failure !== null || reason === 'start-failed' || status === IN_PAGE_ERROR || status === NO_START));
    return {
      text: `${ending}${wrong === '' ? '; nothing has leaked' : `; LEFT: ${wrong}`}`,
      isRight: mayEnd && wrong === '',
    };
  } catch (error) {
    return { text: `defect: ${error.stack}`, isRight: false };
  } finally {
    close();
  }
}

let wrong = 0;
for (const pae of [true, false]) {
  const before = initial(pae);
  const cases = [[]];
  for (const kind of ['read', 'write', 'page', 'commit', 'bad-page']) {
    const status = kind === 'read' || kind === 'write' ? Status.DEVICE_DATA_ERROR : undefined;
    for (let index = 0; index < Number(each); index++) cases.push([{ kind, ordinal: 10 * 7 ** index, status }]);
    // Many at once: every ninth of two thousand.
    cases.push(Array.from({ length: 2000 }, (_, index) => ({ kind, ordinal: 60 + index * 9, status })));
  }
  for (const injections of cases) {
    const { text, isRight } = run(pae, injections, before);
    if (!isRight) wrong++;
    const name =
      injections.length === 0
        ? 'as it is'
        : `${injections[0].kind} ${injections[0].ordinal}${injections.length > 1 ? ' and every ninth' : ''}`;
    console.log(`${isRight ? '' : 'WRONG '}${pae ? 'PAE' : 'x86'}, ${name}: ${text}`);
  }
}
process.exit(wrong === 0 ? 0 : 1);
