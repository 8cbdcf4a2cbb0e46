import { type RegisterFeature, registerFeatures } from './register-table.js';

/** Types that a feature defines itself, by the feature's name. */
const TYPES: Readonly<Record<string, string>> = {
  'org.gnu.gdb.i386.core': flags('i386_eflags', {
    CF: 0,
    '': 1,
    PF: 2,
    AF: 4,
    ZF: 6,
    SF: 7,
    TF: 8,
    IF: 9,
    DF: 10,
    OF: 11,
    NT: 14,
    RF: 16,
    VM: 17,
    AC: 18,
    VIF: 19,
    VIP: 20,
    ID: 21,
  }),
  'org.gnu.gdb.i386.sse': [
    '<vector id="v4f" type="ieee_single" count="4"/>',
    '<vector id="v2d" type="ieee_double" count="2"/>',
    '<vector id="v16i8" type="int8" count="16"/>',
    '<vector id="v8i16" type="int16" count="8"/>',
    '<vector id="v4i32" type="int32" count="4"/>',
    '<vector id="v2i64" type="int64" count="2"/>',
    '<union id="vec128"><field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/>' +
      '<field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/><field name="v4_int32" type="v4i32"/>' +
      '<field name="v2_int64" type="v2i64"/><field name="uint128" type="uint128"/></union>',
    flags('i386_mxcsr', {
      IE: 0,
      DE: 1,
      ZE: 2,
      OE: 3,
      UE: 4,
      PE: 5,
      DAZ: 6,
      IM: 7,
      DM: 8,
      ZM: 9,
      OM: 10,
      UM: 11,
      PM: 12,
      FZ: 15,
    }),
  ].join(''),
};

function flags(id: string, bits: Readonly<Record<string, number>>): string {
  const fields = Object.entries(bits).map(([name, bit]) => `<field name="${name}" start="${bit}" end="${bit}"/>`);
  return `<flags id="${id}" size="4">${fields.join('')}</flags>`;
}

function featureText({ name, registers }: RegisterFeature): string {
  const rows = registers.map((register) => {
    const group = register.group === null ? '' : ` group="${register.group}"`;
    return `<reg name="${register.name}" bitsize="${register.bytes * 8}" type="${register.type}"${group}/>`;
  });
  return `<feature name="${name}">${TYPES[name] ?? ''}${rows.join('')}</feature>`;
}

/** target.xml: an i386 without an operating system that gdb would know, so that it asks for libraries in the plain way. */
export function targetDescription(): string {
  return [
    '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0">',
    '<architecture>i386</architecture><osabi>none</osabi>',
    ...registerFeatures.map(featureText),
    '</target>',
  ].join('');
}
