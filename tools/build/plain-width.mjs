// Takes the place of string-width in the bundle: yargs lays out help texts with it, ours are ASCII, and making the tables of Unicode
// segmentation that the real one loads takes as long as booting the machine.
export default function plainWidth(text) {
  return text.length;
}
