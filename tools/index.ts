/** The package's public interface: the machine, and the host that gives it files and a console under Node. */
export * from '../kernel/index.js';
export { NodeHost } from './host-node.js';
export { guestImages } from './package-root.js';
export { type PeFile, PeFormatError, readPeFile } from './pe-file.js';
