/** What the cursor stands on an empty line after: a line break, an erased line, an erased screen (`console.clear()`). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are controlled by them.
const LINE_STARTS = /\n|\u001b\[(?:2[JK]|(?:1;1)?H)/;

/**
 * What is no text: escape sequences of any kind (colours, links, titles), and other control characters.
 *
 * The brackets around `\p` let bundles without a bar leave this out: without them, esbuild makes it a call.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are controlled by them.
const CONTROLS = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[ -/]*[0-~])|[\p{Cc}]/gu;

/**
 * Returns true if the cursor stands behind text on its line, after this was written to a terminal.
 * @param chunk a text or bytes
 * @param before whether it did so before
 */
export function isMidLine(chunk: unknown, before: boolean): boolean {
  // A stream refuses anything else.
  if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return before;
  const [hasBreak, rest] = lastLine(chunk);
  const parts = rest.split(LINE_STARTS);
  if ((parts.at(-1) as string).replace(CONTROLS, '') !== '') return true;
  return before && !hasBreak && parts.length === 1;
}

/** Returns whether there is a line break, and what follows the last one: that is all to look at, however long the text is. */
function lastLine(chunk: string | Uint8Array): [hasBreak: boolean, rest: string] {
  if (chunk instanceof Uint8Array) {
    const end = chunk.lastIndexOf(0x0a);
    return [end >= 0, Buffer.from(chunk.subarray(end + 1)).toString('latin1')];
  }
  const end = chunk.lastIndexOf('\n');
  return [end >= 0, chunk.slice(end + 1)];
}
