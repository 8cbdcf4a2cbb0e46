import yargs from 'yargs';
import { CliError, ExitCode } from './cli-error.js';
import {
  gdbFlagDescription,
  historyFlagDescription,
  machineFlagDescriptions,
  readConfiguration,
  snapshotFlagDescriptions,
  TRACE_CATEGORIES,
} from './machine-flags.js';
import { runProgram } from './run.js';

export interface Verb {
  readonly summary: string;
  /** Takes what stands behind the verb and returns the exit code. @throws CliError */
  main(args: readonly string[]): Promise<number>;
}

type Example = readonly [command: string, description: string];

/** A parser for one verb: flags first, then the program, whose own arguments stay untouched. */
function parser(verb: string, args: readonly string[], synopsis: string, examples: readonly Example[]) {
  return yargs([...args])
    .scriptName(`nt86 ${verb}`)
    .usage(synopsis)
    .example(examples.map(([command, description]) => [command, description]))
    .parserConfiguration({
      'halt-at-non-option': true,
      'camel-case-expansion': false,
      'parse-positional-numbers': false,
    })
    .wrap(110)
    .version(false)
    .strictOptions()
    .exitProcess(false)
    .fail((message, error) => {
      if (error instanceof CliError) throw error;
      const problem = message || error.message;
      throw new CliError(ExitCode.Usage, `${verb}: ${problem}; nt86 ${verb} --help lists the flags`);
    });
}

const askedForHelp = (args: readonly string[]) => {
  const flags = args.findIndex((argument) => !argument.startsWith('-'));
  return args.slice(0, flags < 0 ? undefined : flags).some((argument) => argument === '--help' || argument === '-h');
};

function requireProgram(verb: string, words: readonly (string | number)[]): [string, string[]] {
  const [program, ...rest] = words.map(String);
  if (program === undefined)
    throw new CliError(ExitCode.Usage, `${verb}: name a program; nt86 ${verb} --help shows examples`);
  return [program, rest];
}

/** --restore FILE takes the place of a program. */
function programOrSnapshot(
  verb: string,
  parsed: { readonly _: readonly (string | number)[]; readonly restore?: string | undefined },
): [string, string[]] {
  if (parsed.restore === undefined) return requireProgram(verb, parsed._);
  if (parsed._.length > 0) throw new CliError(ExitCode.Usage, `${verb}: --restore names no program: ${parsed._[0]}`);
  return ['', []];
}

const run: Verb = {
  summary: 'run a PE32 program',
  async main(args) {
    const parsed = await parser('run', args, 'nt86 run [flags] PROGRAM [ARGS...]', [
      ['nt86 run hello.exe one two', 'run a program with two arguments'],
      [
        'nt86 run --stats --maxmem 64M --mount C=./files sort.exe in.txt',
        'its drive C: is ./files; counters at the end',
      ],
      ['nt86 run --trace faults,syscalls --trace-file t.jsonl hello.exe', 'one JSON line an event'],
    ])
      .options(machineFlagDescriptions)
      .option('stats', { type: 'boolean', default: false, describe: 'print counters on stderr at the end' })
      .option('json', { type: 'boolean', default: false, describe: 'counters as JSON' })
      .option('trace', { type: 'string', describe: `${TRACE_CATEGORIES.join(',')}: JSON lines on stderr` })
      .option('trace-file', { type: 'string', describe: 'write the trace to this file instead' })
      .options(gdbFlagDescription)
      .options(historyFlagDescription)
      .options(snapshotFlagDescriptions)
      .config('config', 'a JSON file with any of these flags', readConfiguration)
      .parseAsync();
    if (askedForHelp(args)) return ExitCode.Success;
    const [program, programArguments] = programOrSnapshot('run', parsed);
    const options = {
      ...parsed,
      traceFile: parsed['trace-file'],
      historyMemory: parsed['history-memory'],
      program,
      programArguments,
    };
    if (parsed.save !== undefined || parsed.restore !== undefined) {
      if (parsed.gdb !== undefined)
        throw new CliError(ExitCode.Usage, 'run: --gdb with --save or --restore: use nt86 debug --gdb');
      const { runSaved } = await import('./run-saved.js');
      return runSaved(options);
    }
    if (parsed.gdb === undefined) return runProgram(options);
    const { runUnderGdb } = await import('./run-gdb.js');
    return runUnderGdb(options, parsed.gdb);
  },
};

const debug: Verb = {
  summary: 'run a PE32 program under a kd-style debugger',
  async main(args) {
    const { debugFlagDescriptions, debugProgram } = await import('./verb-debug.js');
    const parsed = await parser('debug', args, 'nt86 debug [flags] PROGRAM [ARGS...]', [
      ['nt86 debug crash.exe write', 'an interactive session; .help lists the commands'],
      ['nt86 debug -c "bp crash!main; g; k; q" crash.exe', 'commands from the command line'],
      ['nt86 debug --script session.kd --json crash.exe', 'commands from a file, output for other programs'],
    ])
      .options(debugFlagDescriptions)
      .config('config', 'a JSON file with any of these flags', readConfiguration)
      .parseAsync();
    if (askedForHelp(args)) return ExitCode.Success;
    const [program, programArguments] = programOrSnapshot('debug', parsed);
    return debugProgram({ ...parsed, historyMemory: parsed['history-memory'], program, programArguments });
  },
};

const dap: Verb = {
  summary: 'serve a debug adapter client (VS Code) on stdin and stdout',
  async main(args) {
    const parsed = await parser('dap', args, 'nt86 dap', [
      ['nt86 dap', 'a client starts it and speaks the Debug Adapter Protocol with it'],
      ['{"type": "nt86", "request": "launch", "program": "a.exe"}', 'a launch configuration'],
      ['{..., "args": ["x"], "stopOnEntry": true, "maxmem": "64M"}', 'arguments, and any machine flag of nt86 run'],
    ]).parseAsync();
    if (askedForHelp(args)) return ExitCode.Success;
    if (parsed._.length > 0) throw new CliError(ExitCode.Usage, 'dap: the program comes with the launch request');
    const { serveDap } = await import('./dap/index.js');
    await serveDap(process.stdin, process.stdout);
    process.stdin.destroy();
    return ExitCode.Success;
  },
};

const info: Verb = {
  summary: "show a program's headers, sections, imports and exports",
  async main(args) {
    const parsed = await parser('info', args, 'nt86 info [flags] PROGRAM', [
      ['nt86 info prog.exe', 'headers, sections, imports'],
      ['nt86 info --missing prog.exe', "imports that nt86's own DLLs lack; exit code 1 when there are any"],
      ['nt86 info --json prog.exe', 'the same for other programs to read'],
    ])
      .option('missing', { type: 'boolean', default: false, describe: 'only the imports that are missing' })
      .option('json', { type: 'boolean', default: false, describe: 'print JSON' })
      .parseAsync();
    if (askedForHelp(args)) return ExitCode.Success;
    const [program] = requireProgram('info', parsed._);
    const { programInfo } = await import('./info.js');
    const report = programInfo(program, parsed);
    console.log(report.text);
    return parsed.missing && report.missing > 0 ? 1 : ExitCode.Success;
  },
};

const cc: Verb = {
  summary: 'compile C with mingw into a program for nt86',
  async main(args) {
    const usage = parser('cc', askedForHelp(args) ? args : [], 'nt86 cc [compiler flags] FILE.c... [-o PROGRAM]', [
      ['nt86 cc hello.c', 'hello.exe in the current folder'],
      ['nt86 cc -o build/sort.exe sort.c list.c', 'two files, a name of your own'],
      ['nt86 cc tool.c -shared -O0 -o tool.dll', 'every flag of the compiler, anywhere'],
    ]);
    await usage
      .option('o', { type: 'string', describe: 'the program to write; otherwise the first file names it' })
      .parseAsync();
    if (askedForHelp(args)) return ExitCode.Success;
    requireProgram('cc', args);
    const { compile } = await import('./cc.js');
    return compile(args);
  },
};

const bare: Verb = {
  summary: 'run what has no operating system: ROM image, multiboot program, flat binary',
  async main(args) {
    const { bareFlagDescriptions, runBare } = await import('./verb-bare.js');
    const parsed = await parser('bare', args, 'nt86 bare [flags] --rom FILE | --multiboot FILE | --flat FILE@ADDRESS', [
      ['nt86 bare --multiboot kernels.elf --serial', 'an i386 ELF kernel that writes to COM1'],
      ['nt86 bare --rom test386.bin --port-log 0x190', 'a test ROM that reports its progress on a port'],
      ['nt86 bare --flat boot.bin@0x7C00 --exit-port 0xF4', 'a boot sector that ends with a write to port F4h'],
    ])
      .options(bareFlagDescriptions)
      .parseAsync();
    if (askedForHelp(args)) return ExitCode.Success;
    if (parsed._.length > 0)
      throw new CliError(ExitCode.Usage, `bare: what is '${parsed._[0]}'? images go behind a flag`);
    return runBare(parsed);
  },
};

const benchmark: Verb = {
  summary: 'measure speed beside native code, qemu-i386 and v86',
  async main(args) {
    const parsed = await parser('bench', args, 'nt86 bench [flags]', [
      ['nt86 bench', 'everything, three interleaved rounds'],
      ['nt86 bench --rounds 1 --filter x87', 'a quick look at some kernels'],
      ['nt86 bench --history', 'what checkpoints cost, and how long going back takes'],
    ])
      .option('rounds', { type: 'number', default: 3, describe: 'interleaved rounds; the least time counts' })
      .option('filter', { type: 'string', default: '', describe: 'only rows whose name contains this' })
      .option('stepping', { type: 'boolean', default: false, describe: 'instructions a second under the debugger' })
      .option('history', { type: 'boolean', default: false, describe: 'cost of checkpoints and of going back' })
      .option('json', { type: 'boolean', default: false, describe: 'print JSON' })
      .parseAsync();
    if (askedForHelp(args)) return ExitCode.Success;
    if (!Number.isInteger(parsed.rounds) || parsed.rounds < 1)
      throw new CliError(ExitCode.Usage, 'bench: --rounds takes a whole number of at least 1');
    if (parsed.stepping) {
      const { formatStepping, measureStepping } = await import('./bench/stepping.js');
      const rates = await measureStepping();
      console.log(parsed.json ? JSON.stringify(rates, null, 2) : formatStepping(rates));
      return ExitCode.Success;
    }
    if (parsed.history) {
      const { formatHistory, measureHistory } = await import('./bench/history.js');
      const figures = await measureHistory(parsed.rounds);
      console.log(parsed.json ? JSON.stringify(figures, null, 2) : formatHistory(figures));
      return ExitCode.Success;
    }
    const { bench, formatReport } = await import('./bench/bench.js');
    const report = await bench(parsed);
    console.log(parsed.json ? JSON.stringify(report, null, 2) : formatReport(report));
    return ExitCode.Success;
  },
};

/** Every verb of the command line, in the order of its help. What only one verb needs is loaded when it is called. */
export const verbs: Readonly<Record<string, Verb>> = { run, debug, dap, info, cc, bare, bench: benchmark };
