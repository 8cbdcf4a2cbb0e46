// Makes each of the first reads, writes, pages and commits of a few programs go wrong, one at a time, and tells how the runs end:
//   node tools/build/build.mjs && node test/guest/injection-sweep.mjs [KIND] [PROGRAM] [LAST]
// Every run has to end in a status or bugcheck that the documents name, or as the program itself wants, and leave the memory
// manager in order. Exit status 0: all did. Takes a quarter of an hour; no part of the suite.
import { Machine, Status, statusName } from '../../dist/index.js';
import { scriptHost } from './script-host.mjs';

const PROGRAMS = [
  { name: 'hello', memorySize: 8 << 20 },
  // It does not look at what CreateThread gives, and waits for threads that could not be made.
  { name: 'threads', memorySize: 8 << 20, deadlocks: ['commit'] },
  { name: 'check-processes', memorySize: 12 << 20 },
  // These page in both directions.
  { name: 'memory-pressure', memorySize: 12 << 20, args: ' 13 200' },
];
const KINDS = ['read', 'write', 'page', 'commit', 'bad-page'];
/** KERNEL_STACK_INPAGE_ERROR, KERNEL_DATA_INPAGE_ERROR: a page that the kernel needs cannot be read. */
const BUGCHECKS = [0x77, 0x7a];
const EXCEPTIONS = [Status.IN_PAGE_ERROR, Status.STACK_OVERFLOW, Status.NO_MEMORY];
const STARTS = [
  Status.COMMITMENT_LIMIT,
  Status.INSUFFICIENT_RESOURCES,
  Status.NO_MEMORY,
  Status.DEVICE_DATA_ERROR,
  Status.IN_PAGE_ERROR,
  Status.DLL_INIT_FAILED,
  Status.INVALID_FILE_FOR_SECTION,
];

/** How the program ends, and whether it may end so. */
function run({ name, memorySize, args = '' }, injections) {
  const { host, output, close } = scriptHost();
  const imagePath = `Z:\\${name}.exe`;
  try {
    const machine = new Machine(
      {
        imagePath: `\\??\\${imagePath}`,
        commandLine: `${imagePath}${args}`,
        currentDirectory: 'Z:\\',
        memorySize,
        injections,
        maximumInstructions: 3_000_000_000,
        maximumTime: 600e9,
      },
      host,
    );
    const result = machine.run();
    const inconsistency = result.bugcheck === null ? machine.verify() : null;
    if (inconsistency !== null) return { text: `defect: ${inconsistency}`, allowed: false };
    const happened = machine.kernel.mm.injection?.left === 0;
    return { ...ending(result, output()), happened };
  } catch (error) {
    return { text: `defect: ${error.stack}`, allowed: false };
  } finally {
    close();
  }
}

function ending({ reason, status, unhandledException, hardError, bugcheck }, output) {
  if (bugcheck !== null) {
    return { text: `bugcheck ${bugcheck.code.toString(16)}`, allowed: BUGCHECKS.includes(bugcheck.code) };
  }
  if (unhandledException !== null) {
    const { code, parameters } = unhandledException;
    const detail = parameters[2] === undefined ? '' : ` ${statusName(parameters[2])}`;
    return { text: `exception ${statusName(code)}${detail}`, allowed: EXCEPTIONS.includes(code) };
  }
  if (hardError !== null) {
    return { text: `hard error ${statusName(hardError.status)}`, allowed: STARTS.includes(hardError.status) };
  }
  if (reason === 'start-failed')
    return { text: `start failed ${statusName(status)}`, allowed: STARTS.includes(status) };
  if (reason !== 'exited') return { text: reason, allowed: false };
  // How large heaps and regions are depends on what could be had.
  return { text: `exit status ${status}`, allowed: true, output: output.replaceAll(/ +\d+ KB/g, '') };
}

const [, , onlyKind = '', onlyProgram = '', last = '60'] = process.argv;
let wrong = 0;
for (const program of PROGRAMS.filter(({ name }) => name.includes(onlyProgram))) {
  const plain = run(program, []);
  for (const kind of KINDS.filter((one) => onlyKind === '' || one === onlyKind)) {
    const seen = new Map();
    for (let ordinal = 1; ordinal <= Number(last); ordinal++) {
      const status = kind === 'read' || kind === 'write' ? Status.DEVICE_DATA_ERROR : undefined;
      const { text, allowed, output, happened } = run(program, [{ kind, ordinal, status }]);
      // The program has no more such events.
      if (happened === false) break;
      // What ended well has to have done its work.
      const differs = text === plain.text && output !== plain.output;
      const isRight = (allowed && !differs) || (text === 'deadlock' && program.deadlocks?.includes(kind));
      if (!isRight) wrong++;
      const shown = `${isRight ? '' : 'WRONG '}${text}${differs ? ' with other output' : ''}`;
      seen.set(shown, [...(seen.get(shown) ?? []), ordinal]);
    }
    if (seen.size === 0) console.log(`${program.name} ${kind}: there is none`);
    for (const [text, ordinals] of seen) console.log(`${program.name} ${kind}: ${text}: ${ordinals.join(' ')}`);
  }
}
process.exit(wrong === 0 ? 0 : 1);
