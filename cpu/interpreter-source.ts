/**
 * The text of the interpreter's loop, assembled from the bodies of the micro-operations: one function with one dense
 * switch.
 */
import type { Execute, Interpreter } from './interpreter.js';
import { EBP, EFLAGS_SYSTEM, EIP, ESP, FLAG_AUXILIARY, FLAG_RESULT } from './layout.js';
import { microOperations } from './micro-operation-table.js';
import { executeSseDirect } from './sse-direct.js';
import { executeX87Direct } from './x87-direct.js';

const CONSTANTS: Readonly<Record<string, string>> = {
  FR: String(FLAG_RESULT),
  FA: String(FLAG_AUXILIARY),
  ESP: String(ESP),
  EBP: String(EBP),
  EIP: String(EIP),
  EFLAGS: String(EFLAGS_SYSTEM),
  PARITY: `((words[${FLAG_RESULT}] ^ words[${FLAG_AUXILIARY}] >>> 8) ^ ((words[${FLAG_RESULT}] ^ words[${FLAG_AUXILIARY}] >>> 8) & 0xff) >>> 4)`,
};

export function withConstants(body: string): string {
  return body.replace(/\b(FR|FA|ESP|EBP|EIP|EFLAGS|PARITY)\b/g, (name) => CONSTANTS[name]);
}

/**
 * Bodies declare their names with const or let. In the loop all of them share one set of variables: a function with a
 * thousand variables of its own would be too large for the compiler.
 */
function shareVariables(body: string, names: Set<string>): string {
  return body.replace(/\b(?:const|let) ([^;]*);/g, (_declaration, list: string) => {
    for (const [, name] of list.matchAll(/(?:^|, )([A-Za-z]\w*) = /g)) names.add(name);
    return `${list};`;
  });
}

/** What the loop uses of the interpreter object, under the same names. */
const MACHINE_NAMES = [
  'cpu',
  'words',
  'bytes',
  'halves',
  'view',
  'code',
  'jumps',
  'handlers',
  'instructions',
  'regions',
] as const;

/**
 * Text of the statement list of a function that returns the loop, execute(run, block, remaining).
 * @param dedicated true: the machine's arrays are parameters of the outer function, each name behind a $; false: the loop takes them
 *   from `run` each time it is called
 */
export function interpreterSource(dedicated: boolean): string {
  const names = new Set<string>();
  const cases = microOperations.map(
    ({ name, body }, number) => `case ${number}: { // ${name}\n${shareVariables(withConstants(body), names)}\n}\n`,
  );
  return `'use strict';
return function execute(run, pc, remaining) {
  const ${MACHINE_NAMES.map((name) => `${name} = ${dedicated ? '$' : 'run.'}${name}`).join(', ')};
  const readTable = run.readTable | 0;
  const writeTable = run.writeTable | 0;
  const executeTable = run.executeTable | 0;
  const jumpBase = run.jumpBase | 0;
  let rmwHost = 0, block = 0, w = 0;
  let ${[...names].map((name) => `${name} = 0`).join(', ')};
  blocks: for (;;) {
    remaining = remaining - code[pc] | 0;
    if (remaining < 0) { run.leave(pc, block, remaining); return; }
    block = pc;
    pc = pc + 8 | 0;
    for (;;) {
      w = code[pc];
      switch (w & 0x3ff) {
${cases.join('')}
        default: run.corrupt(pc); return;
      }
    }
  }
};`;
}

/** Functions that the loop calls by name. */
const DIRECT_NAMES = ['executeSseDirect', 'executeX87Direct'];

const assembled: { shared: Execute | null } = { shared: null };

/** The loop for all machines that have none of their own: assembled when the first one asks, compiled once by the engine. */
export function sharedLoop(): Execute {
  assembled.shared ??= new Function(...DIRECT_NAMES, interpreterSource(false))(
    executeSseDirect,
    executeX87Direct,
  ) as Execute;
  return assembled.shared;
}

/**
 * A loop for one machine. Nothing ever assigns the names of the machine's arrays, and no other function has this text, so that the
 * engine takes the arrays, their addresses and their lengths for constants.
 */
export function dedicatedLoop(run: Interpreter): Execute {
  const names = MACHINE_NAMES.map((name) => `$${name}`);
  const factory = new Function(...DIRECT_NAMES, ...names, interpreterSource(true));
  return factory(executeSseDirect, executeX87Direct, ...MACHINE_NAMES.map((name) => run[name])) as Execute;
}
