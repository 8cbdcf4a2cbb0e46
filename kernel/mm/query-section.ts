import { SectionAttribute } from './create-section.js';
import type { Section } from './section.js';

/** SECTION_BASIC_INFORMATION: BaseAddress, AllocationAttributes, MaximumSize (8 bytes). */
export function querySectionBasic(section: Section): Uint8Array {
  const { flags } = section.controlArea;
  let attributes = 0;
  if (flags.image) attributes |= SectionAttribute.Image;
  if (section.basedAddress !== 0) attributes |= SectionAttribute.Based;
  if (flags.file) attributes |= SectionAttribute.File;
  if (section.noCache) attributes |= SectionAttribute.NoCache;
  if (flags.reserve) attributes |= SectionAttribute.Reserve;
  if (flags.commit) attributes |= SectionAttribute.Commit;
  const bytes = new Uint8Array(0x10);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, section.basedAddress, true);
  view.setUint32(4, attributes, true);
  view.setBigUint64(8, BigInt(section.sizeOfSection), true);
  return bytes;
}

/** SECTION_IMAGE_INFORMATION (0x30 bytes), null when the section is no image. */
export function querySectionImage(section: Section): Uint8Array | null {
  const image = section.segment.imageInformation;
  if (image === null) return null;
  const bytes = new Uint8Array(0x30);
  const view = new DataView(bytes.buffer);
  view.setUint32(0x00, image.transferAddress, true);
  view.setUint32(0x04, image.zeroBits, true);
  view.setUint32(0x08, image.maximumStackSize, true);
  view.setUint32(0x0c, image.committedStackSize, true);
  view.setUint32(0x10, image.subSystemType, true);
  view.setUint16(0x14, image.subSystemMinorVersion, true);
  view.setUint16(0x16, image.subSystemMajorVersion, true);
  view.setUint16(0x1c, image.characteristics, true);
  view.setUint16(0x1e, image.dllCharacteristics, true);
  view.setUint16(0x20, image.machine, true);
  view.setUint8(0x22, image.containsCode ? 1 : 0);
  view.setUint32(0x24, image.loaderFlags, true);
  view.setUint32(0x28, image.imageFileSize, true);
  return bytes;
}
