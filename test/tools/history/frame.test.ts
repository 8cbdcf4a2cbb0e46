import { describe, expect, it } from 'vitest';
import { Frame } from '../../../kernel/reflection/frame.js';
import * as runtime from '../../../kernel/reflection/runtime.js';
import { makeReflectable } from '../../../tools/build/reflectable.mjs';

type Make = (log: unknown[]) => Generator<unknown, unknown, unknown>;

/** The generator `make` of this source, as JavaScript runs it and as a state machine. */
async function both(source: string): Promise<{ readonly native: Make; readonly rewritten: Make }> {
  const { code } = await makeReflectable(source, 'kernel/example.ts');
  const body = code.replace(/^import .*$/gm, '').replace(/^\s*export /gm, '');
  const names = Object.keys(runtime).filter((name) => name.startsWith('$'));
  const values = names.map((name) => Reflect.get(runtime, name));
  const plain = source.replace(/^\s*export /gm, '');
  return {
    native: new Function(`${plain}; return make;`)(),
    rewritten: new Function(...names, `${body}; return make;`)(...values),
  };
}

/** What comes out when a generator is resumed in these ways, and what it logged. */
function behaviour(make: Make, steps: readonly (readonly ['next' | 'throw' | 'return', unknown])[]): unknown[] {
  const log: unknown[] = [];
  const generator = make(log);
  for (const [how, value] of steps) {
    try {
      const { value: got, done } = generator[how](value);
      log.push([how, got, done === true]);
    } catch (error) {
      log.push([how, 'thrown', String(error)]);
    }
  }
  return log;
}

const SOURCES: Readonly<Record<string, string>> = {
  loops: `export function* make(log) { for (let i = 0; i < 3; i++) { if (i === 1) continue; log.push(yield i); } let n = 2;
    while (n-- > 0) yield 'w' + n; do { n++; if (n > 2) break; yield n; } while (true); return 'end'; }`,
  'values in the middle of expressions': `export function* make(log) { const a = [yield 1, (yield 2) + 1]; const { b, c = 3 } = { b: yield 4 };
    log.push(a, b, c, (yield 5) ? yield 6 : yield 7, (yield 8) ?? 'none'); return yield 9; }`,
  'try, catch and finally': `export function* make(log) { for (const k of [1, 2, 3]) { try { try { log.push('in', k); yield k; if (k === 2) throw new Error('two'); }
    catch (e) { log.push(e.message); yield 'caught'; } finally { log.push('out', k); yield 'finally'; } if (k === 3) return 'r'; } finally { log.push('outer'); } } }`,
  'jumps out of finally': `export function* make(log) { outer: for (const a of [1, 2]) { for (const b of [1, 2, 3]) { try { if (b === 2) continue outer;
    yield [a, b]; } finally { log.push('f', a, b); } } } try { return yield 'x'; } finally { log.push('last'); } }`,
  delegation: `function* inner(log, n) { try { const got = yield n; log.push('inner', got); return n * 2; } finally { log.push('inner out'); } }
    export function* make(log) { const x = yield* inner(log, 1); log.push(x); try { yield* inner(log, x); } catch (e) { log.push('c', String(e)); } return yield* inner(log, 9); }`,
  'parameters and names': `function* f({ a, b = 2 }, [c], d = a + c, ...rest) { const a2 = a; { const a = 5; yield a + a2; } yield [b, c, d, rest]; }
    export function* make(log) { yield* f({ a: 1 }, [3]); yield* f({ a: 1, b: 4 }, [3], 7, 8, 9); for (const a of [1]) { let z; yield z; z = a; } }`,
  'methods and private names': `class C { #n = 1; *#twice() { yield this.#n; this.#n++; yield this.#n; } *run(log) { yield* this.#twice(); log.push(#n in this); return () => this.#n; } }
    export function* make(log) { const got = yield* new C().run(log); return got(); }`,
};

const WAYS: readonly (readonly (readonly ['next' | 'throw' | 'return', unknown])[])[] = [
  Array.from({ length: 14 }, (_, index) => ['next', index] as const),
  [
    ['return', 'early'],
    ['next', 1],
  ],
  [
    ['throw', 'early'],
    ['next', 1],
  ],
  [
    ['next', 0],
    ['next', 1],
    ['throw', 'stop'],
    ['next', 2],
    ['next', 3],
    ['next', 4],
    ['next', 5],
  ],
  [
    ['next', 0],
    ['next', 1],
    ['next', 2],
    ['return', 'over'],
    ['next', 3],
    ['next', 4],
    ['next', 5],
  ],
  [
    ['next', 0],
    ['return', 'over'],
    ['return', 'again'],
    ['next', 3],
  ],
];

describe('a generator made a state machine', () => {
  it.each(Object.keys(SOURCES))('does what the generator does: %s', async (name) => {
    const { native, rewritten } = await both(SOURCES[name]);
    for (const steps of WAYS) expect(behaviour(rewritten, steps)).toEqual(behaviour(native, steps));
  });

  it('can be put back to where it was', async () => {
    const { rewritten } = await both(
      `export function* make(log) { let n = 0; for (const k of [1, 2, 3]) { n += k; yield n; } return n; }`,
    );
    const frame = rewritten([]);
    if (!(frame instanceof Frame)) throw new Error('no frame');
    frame.next();
    const { status, p, n, v } = frame;
    const variables = frame.access();
    const cursor = (Array.isArray(variables) ? variables : []).find((one) => one instanceof Object && 'index' in one);
    const { index, value } = cursor;
    expect([frame.next().value, frame.next().value]).toEqual([3, 6]);
    Object.assign(frame, { status, p, n, v });
    if (Array.isArray(variables)) frame.access(variables);
    Object.assign(cursor, { index, value });
    expect([frame.next().value, frame.next().value, frame.next()]).toEqual([3, 6, { value: 6, done: true }]);
  });

  it('is refused when a function that is kept captures what changes', async () => {
    const source = 'export function make() { let n = 0; return { count: () => n++ }; }';
    await expect(makeReflectable(source, 'kernel/example.ts')).rejects.toThrow("captures 'n', which is reassigned");
  });
});
