/**
 * Stands for the library string-width in the bundle (bundle.mjs, `alias`), which has yargs measure columns of help: a
 * column for each code point. That is right for what is written there; V8 takes 15 ms of every start to check the
 * patterns of emoji that the library knows.
 *
 * @param {string} text
 */
export default function stringWidth(text) {
  let width = 0;
  for (const character of text) width += +(character > "\u001f");
  return width;
}
