/** Characters that take two columns: East Asian ones and emoji. */
const WIDE =
  /^[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]$/u;

/** Characters that take no column: accents, joiners, selectors. */
const ZERO = /^[\p{M}\u200b-\u200d]$/u;

const widthOf = (character: string): number => (ZERO.test(character) ? 0 : WIDE.test(character) ? 2 : 1);

/** Returns the number of columns that a text takes on a terminal. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
}

/** Puts a text on one line of at most `width` columns; `…` stands for what is cut off. */
export function fitText(text: string, width: number): string {
  const line = text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
  if (textWidth(line) <= width) return line;
  let fitted = '';
  let taken = 1;
  for (const character of line) {
    taken += widthOf(character);
    if (taken > width) break;
    fitted += character;
  }
  return width > 0 ? `${fitted}…` : '';
}
