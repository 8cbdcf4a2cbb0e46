import { type Host, isReflectable, Machine, type MachineOptions } from '../../kernel/index.js';
import { RecordingHost } from '../history/recording-host.js';
import { EventObserver } from './event-observer.js';
import { Session } from './session.js';

/**
 * A machine under the debugger, not started yet: call session.start().
 * @param notice takes lines that come while the machine runs
 * @throws BugcheckError when the memory is too small to boot
 */
export function createSession(
  options: Partial<MachineOptions> & { readonly imagePath: string },
  host: Host,
  notice: (text: string) => void,
): Session {
  const observer = new EventObserver();
  if (!isReflectable()) return new Session(new Machine(options, host, observer), observer, notice);
  const recording = new RecordingHost(host);
  const machine = new Machine(recording.withTrace(options), recording, observer);
  return new Session(machine, observer, notice, recording);
}
