/** Upper halves of the single-byte code pages that consoles speak, 80 to FF; U+FFFD where a byte has no character. */
const upperHalves: ReadonlyMap<number, string> = new Map([
  [
    437,
    'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀' +
      'αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0',
  ],
  [
    1252,
    '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ' +
      '\u00a0¡¢£¤¥¦§¨©ª«¬\u00ad®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ',
  ],
]);

export const CODE_PAGE_UTF8 = 65001;

/** Tells whether a console can be set to a code page. */
export function isKnownCodePage(codePage: number): boolean {
  return codePage === CODE_PAGE_UTF8 || upperHalves.has(codePage);
}

/** Text as bytes in a code page; what the page lacks becomes '?'. */
export function encodeText(text: string, codePage: number): Uint8Array {
  const upper = upperHalves.get(codePage);
  if (upper === undefined) return new TextEncoder().encode(text);
  const characters = [...text];
  return Uint8Array.from(characters, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x80) return code;
    const index = upper.indexOf(character);
    return index < 0 ? 0x3f : 0x80 + index;
  });
}

/** Bytes of a single-byte code page as text. UTF-8 needs a decoder with memory: see Utf8Decoder. */
export function decodeSingleByte(bytes: Uint8Array, codePage: number): string {
  const upper = upperHalves.get(codePage) ?? '';
  let text = '';
  for (const byte of bytes) text += byte < 0x80 ? String.fromCharCode(byte) : (upper[byte - 0x80] ?? '\ufffd');
  return text;
}
