import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { DebugClient } from '@vscode/debugadapter-testsupport';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { serveDap } from '../../../tools/dap/index.js';
import { sampleFolder } from '../debugger/sample-image.js';

export const sampleProgram = join(sampleFolder, 'sample.exe');
export const sampleSource = join(sampleFolder, 'sample.c');

/** The protocol's test client at an adapter in this process. */
export interface DapConversation {
  readonly client: DebugClient;
  /** Everything the program and the adapter have written, by category. */
  readonly output: Record<string, string>;
  /** Events that came, oldest first. */
  readonly events: DebugProtocol.Event[];
  /** Settles when the adapter has ended. */
  readonly ended: Promise<void>;
  /** The adapter's input, for what no client sends. */
  readonly input: PassThrough;
}

/** A client at streams of this process. */
class StreamClient extends DebugClient {
  constructor(readable: PassThrough, writable: PassThrough) {
    super('node', 'unused', 'nt86');
    this.defaultTimeout = 60_000;
    this.connect(readable, writable);
  }
}

const EVENTS = ['stopped', 'thread', 'module', 'exited', 'terminated', 'invalidated'] as const;

export function connect(): DapConversation {
  const input = new PassThrough();
  const answers = new PassThrough();
  const ended = serveDap(input, answers);
  const client = new StreamClient(answers, input);
  const output: Record<string, string> = {};
  const events: DebugProtocol.Event[] = [];
  client.on('output', ({ body }: DebugProtocol.OutputEvent) => {
    output[body.category ?? 'console'] = (output[body.category ?? 'console'] ?? '') + body.output;
  });
  for (const name of EVENTS) client.on(name, (event: DebugProtocol.Event) => events.push(event));
  return { client, output, events, ended, input };
}

/** Launches sample.exe, with these breakpoints set before it starts. */
export async function startSample(
  { client }: DapConversation,
  launch: Readonly<Record<string, unknown>> = {},
  configure: (client: DebugClient) => Promise<unknown> = async () => undefined,
): Promise<void> {
  const initialized = client.waitForEvent('initialized');
  await client.initializeRequest();
  await Promise.all([client.launchRequest({ program: sampleProgram, ...launch } as never), initialized]);
  await configure(client);
  await client.configurationDoneRequest();
}

/** Launches sample.exe, with these breakpoints set before it starts, up to its first stop. */
export async function launchSample(
  conversation: DapConversation,
  launch?: Readonly<Record<string, unknown>>,
  configure?: (client: DebugClient) => Promise<unknown>,
): Promise<DebugProtocol.StoppedEvent['body']> {
  const stopped = nextStop(conversation.client);
  await startSample(conversation, launch, configure);
  return stopped;
}

/** The next stop; rejects when none comes in a minute. */
export function nextStop(client: DebugClient): Promise<DebugProtocol.StoppedEvent['body']> {
  const stopped = client.waitForEvent('stopped').then(({ body }) => body as DebugProtocol.StoppedEvent['body']);
  // A request that is refused leaves a stop that nobody waits for any more: its late refusal is no error of its own.
  stopped.catch(() => undefined);
  return stopped;
}

/** Sends a request that makes the program run, and waits for its stop. */
export async function run(
  client: DebugClient,
  command: string,
  given: object = {},
): Promise<DebugProtocol.StoppedEvent['body']> {
  const stopped = nextStop(client);
  await client.customRequest(command, given);
  return stopped;
}

/** The frames of a thread. */
export async function stack(client: DebugClient, threadId: number): Promise<DebugProtocol.StackFrame[]> {
  return (await client.stackTraceRequest({ threadId })).body.stackFrames;
}

/** The variables of a scope of a frame, by name. */
export async function scope(
  client: DebugClient,
  frameId: number,
  name: string,
): Promise<{ reference: number; values: Record<string, DebugProtocol.Variable> }> {
  const { scopes } = (await client.scopesRequest({ frameId })).body;
  const reference = scopes.find((candidate) => candidate.name === name)?.variablesReference ?? 0;
  return { reference, values: await variables(client, reference) };
}

export async function variables(
  client: DebugClient,
  variablesReference: number,
): Promise<Record<string, DebugProtocol.Variable>> {
  const { body } = await client.variablesRequest({ variablesReference });
  return Object.fromEntries(body.variables.map((variable) => [variable.name, variable]));
}
