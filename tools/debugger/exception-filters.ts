/** What happens at an event: stop at once, stop when nobody handled it, say so, nothing. kd: sxe, sxd, sxn, sxi. */
export type FilterMode = 'break' | 'second-chance' | 'output' | 'ignore';

export interface EventFilter {
  /** kd's short name: 'av', 'ld'. */
  readonly name: string;
  readonly description: string;
  /** Exception code; null for events that are no exceptions. */
  readonly code: number | null;
  mode: FilterMode;
  /** 'ld:kernel32' stops for this module alone, 'sc:NtClose' for this service; null: for all. */
  argument: string | null;
}

const filter = (name: string, description: string, code: number | null, mode: FilterMode): EventFilter => ({
  name,
  description,
  code,
  mode,
  argument: null,
});

/** kd's table of filters with its defaults, as far as the events exist, and 'sc' for system services. */
function defaultFilters(): EventFilter[] {
  return [
    filter('ct', 'Create thread', null, 'ignore'),
    filter('et', 'Exit thread', null, 'ignore'),
    filter('cpr', 'Create process', null, 'ignore'),
    filter('epr', 'Exit process', null, 'ignore'),
    filter('ld', 'Load module', null, 'output'),
    filter('ud', 'Unload module', null, 'ignore'),
    filter('sc', 'System call', null, 'ignore'),
    filter('av', 'Access violation', 0xc0000005, 'break'),
    filter('dz', 'Integer divide-by-zero', 0xc0000094, 'break'),
    filter('gp', 'Guard page violation', 0x80000001, 'break'),
    filter('ii', 'Illegal instruction', 0xc000001d, 'second-chance'),
    filter('ip', 'In-page I/O error', 0xc0000006, 'break'),
    filter('iov', 'Integer overflow', 0xc0000095, 'second-chance'),
    filter('pri', 'Privileged instruction', 0xc0000096, 'break'),
    filter('dm', 'Data misaligned', 0x80000002, 'break'),
    filter('sov', 'Stack overflow', 0xc00000fd, 'break'),
    filter('ch', 'Invalid handle', 0xc0000008, 'break'),
    filter('eh', 'C++ EH exception', 0xe06d7363, 'second-chance'),
    filter('bpe', 'Break instruction exception', 0x80000003, 'break'),
    filter('sse', 'Single step exception', 0x80000004, 'break'),
    filter('*', 'Other exception', 0, 'second-chance'),
  ];
}

export class EventFilters {
  readonly list: readonly EventFilter[] = defaultFilters();

  find(name: string): EventFilter | null {
    return this.list.find((candidate) => candidate.name === name.toLowerCase()) ?? null;
  }

  /** The filter of an exception code. */
  forException(code: number): EventFilter {
    const known = this.list.find((candidate) => candidate.code === code >>> 0 && candidate.name !== '*');
    return known ?? this.list[this.list.length - 1];
  }

  /** True when the event stops the machine: its filter says so, and it is the one that the filter names. */
  stops(name: string, subject: string): boolean {
    const found = this.find(name);
    if (found === null || found.mode !== 'break') return false;
    return found.argument === null || matches(found.argument, subject);
  }
}

/** Names are compared without case; '*' stands for anything. */
export function matches(pattern: string, subject: string): boolean {
  const expression = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${expression}$`, 'i').test(subject);
}
