import { Counters } from '../../kernel/counters.js';
import { Clock } from '../../kernel/ke/clock.js';
import { Dispatcher } from '../../kernel/ke/dispatcher.js';
import { Process } from '../../kernel/ke/process.js';
import { type RunEnd, RunLoop } from '../../kernel/ke/run-loop.js';
import { Mode, Thread } from '../../kernel/ke/thread.js';
import { createSystemThread } from '../../kernel/ke/threads.js';
import type { Blocking } from '../../kernel/types.js';

/** A dispatcher with nothing but system threads: time passes only while it is idle, or by spend(). */
export class SystemThreads {
  readonly counter = { instructionCount: 0, timestampOffset: 0 };
  readonly clock = new Clock(this.counter, 1, 0n);
  readonly dispatcher = new Dispatcher(
    this.clock,
    new Counters(),
    new Thread(new Process(0, 'Idle'), 0, 0, Mode.Kernel),
  );
  readonly process = new Process(4, 'System');
  readonly log: string[] = [];
  #nextId = 8;

  /** A thread that is ready. */
  thread(name: string, body: (thread: Thread) => Blocking<void> | void, priority = 8): Thread {
    const thread = this.initialized(name, body, priority);
    this.dispatcher.readyThread(thread);
    return thread;
  }

  /** A thread in state Initialized. */
  initialized(name: string, body: (thread: Thread) => Blocking<void> | void, priority = 8): Thread {
    const { log } = this;
    const id = this.#nextId;
    this.#nextId += 4;
    return createSystemThread(this.dispatcher, this.process, id, priority, function* (thread) {
      const work = body(thread);
      if (work) yield* work;
      log.push(`${name} ends`);
    });
  }

  /** Lets virtual time pass as a thread's instructions would. */
  spend(nanoseconds: number): void {
    this.counter.instructionCount += nanoseconds;
  }

  run(): RunEnd {
    const loop = new RunLoop(this.dispatcher, {
      instructionCount: () => this.counter.instructionCount,
      switchTo: () => undefined,
      returnToUser: () => false,
      runUser: () => undefined,
      reap: () => undefined,
      clockInterrupt: () => undefined,
      waitsForHost: () => false,
      waitForHost: () => true,
      pollHost: () => undefined,
      interrupted: () => false,
    });
    return loop.run(Number.POSITIVE_INFINITY, () => this.process.threads.length === 0);
  }
}
