import { HostMemoryExhausted } from '../cpu/index.js';
import { CliError, ExitCode, reasonOf } from './cli-error.js';
import { hostMemoryText } from './failure-text.js';
import { errorCode } from './node-errors.js';
import { packageVersion } from './package-root.js';
import { verbs } from './verbs.js';

/** Exit code when nt86's own output could not be written. */
const OUTPUT_LOST = 1;

function help(): string {
  const width = Math.max(...Object.keys(verbs).map((name) => name.length));
  return [
    'nt86 VERB [flags] PROGRAM [ARGS...]',
    '',
    ...Object.entries(verbs).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'nt86 VERB --help shows the flags of a verb and examples; nt86 --version the version.',
  ].join('\n');
}

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === '--version') {
    console.log(packageVersion());
    return ExitCode.Success;
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    console.log(help());
    return name === undefined ? ExitCode.Usage : ExitCode.Success;
  }
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (verb === undefined) throw new CliError(ExitCode.Usage, `unknown verb '${name}'; nt86 --help lists them`);
  return await verb.main(rest);
}

// Without a reader on stderr there is nobody to tell; one that leaves stdout early (head) has seen enough.
process.stderr.on('error', () => undefined);
process.stdout.on('error', (error) => {
  if (errorCode(error) === 'EPIPE') return;
  process.stderr.write(`nt86: cannot write to stdout: ${reasonOf(error)}\n`);
  process.exitCode = OUTPUT_LOST;
});

async function start(): Promise<void> {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (error instanceof CliError) {
      process.stderr.write(`nt86: ${error.message}\n`);
      process.exitCode = error.exitCode;
    } else if (error instanceof HostMemoryExhausted) {
      process.stderr.write(`nt86: ${hostMemoryText(error.message)}\n`);
      process.exitCode = ExitCode.Bugcheck;
    } else {
      process.stderr.write(`nt86: internal error: ${error instanceof Error ? error.message : String(error)}\n`);
      if (process.env.NT86_DEBUG !== undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`);
      else process.stderr.write('nt86: please report this; NT86_DEBUG=1 shows where it happened\n');
      process.exitCode = ExitCode.Defect;
    }
  }
}

/** Settles when the verb is done and process.exitCode is set; never rejects. */
export const finished = start();
