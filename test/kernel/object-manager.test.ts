import { beforeEach, describe, expect, it } from 'vitest';
import { HandleTable } from '../../kernel/ex/handle-table.js';
import { EventType, KEvent, KMutant } from '../../kernel/ke/dispatcher-object.js';
import { Status } from '../../kernel/ntstatus.js';
import { type HandleEntry, type HandleTableOwner, ObjectManager } from '../../kernel/ob/object-manager.js';
import { accountToken } from '../../kernel/se/account.js';
import type { Token } from '../../kernel/se/token.js';

const EVENT_ALL = 0x1f0003;

class World {
  readonly owner: HandleTableOwner = { handleTable: new HandleTable<HandleEntry>(), quotaBlock: null };
  readonly pool = new Map<number, string>();
  poolLimit = 1000;
  token: Token | null = null;
  readonly ob: ObjectManager;
  #nextAddress = 0x1000;

  constructor() {
    this.ob = new ObjectManager({
      currentHandleOwner: () => this.owner,
      currentProcessObject: () => null,
      currentThreadObject: () => null,
      allocatePool: (_paged, _bytes, tag) => {
        if (this.pool.size >= this.poolLimit) return 0;
        this.#nextAddress += 0x100;
        this.pool.set(this.#nextAddress, tag);
        return this.#nextAddress;
      },
      freePool: (address) => this.pool.delete(address),
      currentToken: () => this.token,
      systemTime: () => 0n,
    });
  }

  createEvent(name: string | null, attributes = 0, access = EVENT_ALL) {
    const { event } = this.ob.types;
    const given = { root: 0, name, attributes };
    return this.ob.createObjectHandle(event, given, access, () => new KEvent(EventType.Notification, false));
  }

  openEvent(name: string, attributes = 0) {
    return this.ob.openObjectByName(this.ob.types.event, { root: 0, name, attributes }, EVENT_ALL);
  }
}

const OPENIF = 0x80;
const CASE_INSENSITIVE = 0x40;
const INHERIT = 0x2;
let world: World;
beforeEach(() => {
  world = new World();
});

describe('handles', () => {
  it('refer to objects that live until the last handle and reference go', () => {
    const { ob, owner, pool } = world;
    const before = pool.size;
    const { handle } = world.createEvent(null);
    expect(pool.size).toBe(before + 1);
    const { object } = ob.referenceObjectByHandle(handle, ob.types.event, 2);
    expect(ob.closeHandle(owner, handle)).toBe(Status.SUCCESS);
    expect(pool.size).toBe(before + 1);
    if (object !== null) ob.dereferenceObject(object);
    expect(pool.size).toBe(before);
    expect(ob.types.event).toMatchObject({ objectCount: 0, handleCount: 0 });
  });

  it('carry the rights asked for, generic ones mapped, and no others', () => {
    const { ob } = world;
    const { handle } = world.createEvent(null, 0, 0x80000000);
    expect(ob.grantedAccess(handle)).toBe(0x20001);
    expect(ob.referenceObjectByHandle(handle, ob.types.event, 1).status).toBe(Status.SUCCESS);
    expect(ob.referenceObjectByHandle(handle, ob.types.event, 2).status).toBe(Status.ACCESS_DENIED);
    const all = world.createEvent(null, 0, 0x2000000);
    expect(ob.grantedAccess(all.handle)).toBe(EVENT_ALL);
  });

  it.each([
    ['nothing', 0, Status.INVALID_HANDLE],
    ['a value never handed out', 0x7fc, Status.INVALID_HANDLE],
    ['a kernel handle', 0x80000004, Status.INVALID_HANDLE],
  ])('%s is no handle', (_what, value, status) => {
    expect(world.ob.referenceObjectByHandle(value, null, 0).status).toBe(status);
    expect(world.ob.closeHandle(world.owner, value)).toBe(status);
  });

  it('of another type are OBJECT_TYPE_MISMATCH before access is looked at', () => {
    const { ob } = world;
    const { handle } = world.createEvent(null, 0, 0);
    expect(ob.referenceObjectByHandle(handle, ob.types.mutant, 1).status).toBe(Status.OBJECT_TYPE_MISMATCH);
  });

  it('that are protected cannot be closed but for the end of the process', () => {
    const { ob, owner } = world;
    const { handle } = world.createEvent(null);
    const entry = ob.handleEntry(handle);
    if (entry !== null) entry.flags = 1;
    expect(ob.closeHandle(owner, handle)).toBe(Status.HANDLE_NOT_CLOSABLE);
    ob.closeAllHandles(owner);
    expect(owner.handleTable.count).toBe(0);
  });

  it('closing a pseudo handle does nothing', () => {
    expect(world.ob.closeHandle(world.owner, 0xffffffff)).toBe(Status.SUCCESS);
    expect(world.ob.closeHandle(world.owner, 0xfffffffe)).toBe(Status.SUCCESS);
  });

  it('remember inheritance', () => {
    const { handle } = world.createEvent(null, INHERIT);
    expect(world.ob.handleEntry(handle)?.flags).toBe(2);
  });

  it('are not made when pool is exhausted: INSUFFICIENT_RESOURCES', () => {
    world.poolLimit = world.pool.size;
    expect(world.createEvent(null).status).toBe(Status.INSUFFICIENT_RESOURCES);
    expect(world.owner.handleTable.count).toBe(0);
  });

  it('tell the type of every close and of the end', () => {
    const { ob, owner } = world;
    const calls: string[] = [];
    ob.types.mutant.procedures = {
      close: (_body, handles) => calls.push(`close ${handles}`),
      delete: () => calls.push('delete'),
    };
    const first = ob.createObjectHandle(ob.types.mutant, null, 0x1f0001, () => new KMutant());
    const { object } = ob.peekObjectByHandle(first.handle, null, 0);
    if (object === null) throw new Error('no object');
    const second = ob.insertHandle(owner, object, 0, 0);
    ob.closeHandle(owner, first.handle);
    ob.closeHandle(owner, second.handle);
    expect(calls).toEqual(['close 2', 'close 1', 'delete']);
  });
});

describe('names', () => {
  const NAME = '\\BaseNamedObjects\\Ready';

  it('lead to the object until its last handle is closed', () => {
    const { handle } = world.createEvent(NAME);
    const opened = world.openEvent(NAME);
    expect(opened.status).toBe(Status.SUCCESS);
    world.ob.closeHandle(world.owner, handle);
    expect(world.openEvent(NAME).status).toBe(Status.SUCCESS);
    world.ob.closeAllHandles(world.owner);
    expect(world.openEvent(NAME).status).toBe(Status.OBJECT_NAME_NOT_FOUND);
  });

  it('that are taken collide; with OBJ_OPENIF the object is opened', () => {
    world.createEvent(NAME);
    expect(world.createEvent(NAME).status).toBe(Status.OBJECT_NAME_COLLISION);
    const again = world.createEvent(NAME, OPENIF);
    expect(again.status).toBe(Status.OBJECT_NAME_EXISTS);
    expect(world.ob.peekObjectByHandle(again.handle, world.ob.types.event, 0).object?.handleCount).toBe(2);
  });

  it('of another type are OBJECT_TYPE_MISMATCH', () => {
    const { ob } = world;
    world.createEvent(NAME);
    const given = { root: 0, name: NAME, attributes: OPENIF };
    const result = ob.createObjectHandle(ob.types.mutant, given, 0, () => new KMutant());
    expect(result.status).toBe(Status.OBJECT_TYPE_MISMATCH);
    expect(ob.openObjectByName(ob.types.mutant, given, 0).status).toBe(Status.OBJECT_TYPE_MISMATCH);
  });

  it('differ in case unless OBJ_CASE_INSENSITIVE says otherwise', () => {
    world.createEvent(NAME);
    expect(world.openEvent('\\BaseNamedObjects\\READY').status).toBe(Status.OBJECT_NAME_NOT_FOUND);
    expect(world.openEvent('\\basenamedobjects\\READY', CASE_INSENSITIVE).status).toBe(Status.SUCCESS);
    expect(world.createEvent('\\BaseNamedObjects\\ready').status).toBe(Status.SUCCESS);
  });

  it.each([
    ['BaseNamedObjects\\x', Status.OBJECT_PATH_SYNTAX_BAD],
    ['\\BaseNamedObjects\\\\x', Status.OBJECT_NAME_INVALID],
    ['\\BaseNamedObjects\\x\\', Status.OBJECT_PATH_NOT_FOUND],
    ['\\Nowhere\\x', Status.OBJECT_PATH_NOT_FOUND],
    ['\\BaseNamedObjects\\nothing', Status.OBJECT_NAME_NOT_FOUND],
    [`\\BaseNamedObjects\\${'x'.repeat(40000)}`, Status.OBJECT_NAME_INVALID],
    ['\\BaseNamedObjects', Status.OBJECT_TYPE_MISMATCH],
  ])('%s', (name, status) => {
    expect(world.openEvent(name).status).toBe(status);
  });

  it('below something that is no directory are OBJECT_TYPE_MISMATCH', () => {
    world.createEvent(NAME);
    expect(world.openEvent(`${NAME}\\x`).status).toBe(Status.OBJECT_TYPE_MISMATCH);
  });

  it('can be relative to a directory handle, without a leading backslash', () => {
    const { ob } = world;
    const directory = ob.openObjectByName(
      ob.types.directory,
      { root: 0, name: '\\BaseNamedObjects', attributes: 0 },
      0xf000f,
    );
    world.createEvent(NAME);
    const open = (root: number, name: string) =>
      ob.openObjectByName(ob.types.event, { root, name, attributes: 0 }, 0).status;
    expect(open(directory.handle, 'Ready')).toBe(Status.SUCCESS);
    expect(open(directory.handle, '\\Ready')).toBe(Status.OBJECT_PATH_SYNTAX_BAD);
    expect(open(0x700, 'Ready')).toBe(Status.INVALID_HANDLE);
  });

  it('go through symbolic links, and a loop of links ends', () => {
    const { ob } = world;
    world.createEvent(NAME);
    ob.createSymbolicLink('\\link', '\\BaseNamedObjects');
    expect(world.openEvent('\\link\\Ready').status).toBe(Status.SUCCESS);
    expect(world.openEvent('\\BaseNamedObjects\\Local\\Ready').status).toBe(Status.SUCCESS);
    expect(world.openEvent('\\BaseNamedObjects\\Global\\Ready').status).toBe(Status.SUCCESS);
    ob.createSymbolicLink('\\one', '\\two');
    ob.createSymbolicLink('\\two', '\\one');
    expect(world.openEvent('\\one\\x').status).toBe(Status.OBJECT_NAME_NOT_FOUND);
  });

  it('of permanent objects stay, until they are made temporary', () => {
    const { ob } = world;
    ob.createDirectory('\\Kept');
    const object = ob.find('\\kept');
    expect(object).not.toBeNull();
    if (object === null) return;
    expect(ob.pathOf(object)).toBe('\\Kept');
    ob.makeTemporary(object);
    expect(ob.find('\\Kept')).toBeNull();
  });

  it('with OBJ_EXCLUSIVE are for one handle', () => {
    const { handle } = world.createEvent(NAME, 0x20);
    expect(world.openEvent(NAME).status).toBe(Status.ACCESS_DENIED);
    expect(world.createEvent(NAME, OPENIF).status).toBe(Status.ACCESS_DENIED);
    world.ob.closeHandle(world.owner, handle);
    expect(world.createEvent(NAME).status).toBe(Status.SUCCESS);
  });

  it('with OBJ_PERMANENT need a privilege that programs do not have', () => {
    world.token = accountToken('admin', [], 1);
    expect(world.createEvent(NAME, 0x10).status).toBe(Status.PRIVILEGE_NOT_HELD);
    world.token = accountToken('system', [], 1);
    const { handle } = world.createEvent(NAME, 0x10);
    world.ob.closeHandle(world.owner, handle);
    expect(world.openEvent(NAME).status).toBe(Status.SUCCESS);
  });
});
