import { type Host, isReflectable, Machine, type MachineOptions } from '../../kernel/index.js';
import { SavableMachine } from '../history/savable-machine.js';
import type { Snapshot } from '../history/snapshot-file.js';
import { EventObserver } from './event-observer.js';
import { Session } from './session.js';

export interface SessionOptions {
  /** Of a machine to go on with, booted with the same options; null: a new one. */
  readonly snapshot?: Snapshot | null;
  /** Host bytes for the checkpoints that going back starts from. */
  readonly historyMemory?: number | undefined;
}

/**
 * A machine under the debugger, not started yet: call session.start().
 * @param notice takes lines that come while the machine runs
 * @throws BugcheckError when the memory is too small to boot; SnapshotError when the snapshot does not fit
 */
export function createSession(
  options: Partial<MachineOptions> & { readonly imagePath: string },
  host: Host,
  notice: (text: string) => void,
  { snapshot = null, historyMemory }: SessionOptions = {},
): Session {
  const observer = new EventObserver();
  if (snapshot === null && !isReflectable()) return new Session(new Machine(options, host, observer), observer, notice);
  const savable =
    snapshot === null
      ? SavableMachine.boot(options, host, observer)
      : SavableMachine.restore(snapshot, options, host, observer);
  return new Session(savable.machine, observer, notice, {
    savable,
    isRestored: snapshot !== null,
    historyMemory,
  });
}
