/** Matches the head of an arrow, a `function` or a method, up to the first character of its body. */
const HEADER =
  /^(?:async\s*)?(?:function\b[^()]*\([^()]*\)|(?:\([^()]*\)|[\w$]+)\s*=>|[\w$]+\s*\([^()]*\))\s*(?=[{[])/;

/** Matches a `/` that may begin a regular expression or a comment: a bracket in those is none. */
const UNCLEAR_SLASH =
  /(?:(?:^|[^\w$)\]\s])|\b(?:typeof|void|in|of|instanceof|delete|await|yield|new))\s*\/|\/[/*]/;

/**
 * Returns true if a function's source proves that every array it returns is a literal: `x => [ … ]`, or a body whose one
 * `return` stands at its end, `return [ … ]`.
 *
 * Such an array has its items and nothing else: no holes, no further properties, no other class, and no mark of
 * `transfer()`. To look for those in each row costs more than a small task (`bench/throughput.ts`), as there is no quick
 * way to see that an array has a property like `index`. What is not proved here is looked at row by row.
 */
export function returnsLiteral(source: string): boolean {
  const header = HEADER.exec(source)?.[0];
  if (header === undefined) return false;
  const block = source[header.length] === '{';
  if (block && source.match(/\breturn\b/g)?.length !== 1) return false;
  const end = (block ? source.replace(/;?\s*\}\s*$/, '') : source).trimEnd();
  const start = openingBracket(end);
  if (start === undefined) return false;
  const before = block ? /\breturn\s*$/.test(end.slice(0, start)) : start === header.length;
  const items = end.slice(start + 1, -1);
  return before && !UNCLEAR_SLASH.test(items) && !/^\s*,|,\s*,/.test(items);
}

/** Returns where the bracket opens that closes at the end of the text, or `undefined` if a quote stands in between. */
function openingBracket(text: string): number | undefined {
  let depth = 0;
  for (let i = text.length - 1; i >= 0; i--) {
    const character = text[i];
    if (character === ']') depth += 1;
    else if (character === '[') depth -= 1;
    else if (character === "'" || character === '"' || character === '`') return undefined;
    if (depth === 0) return character === '[' ? i : undefined;
  }
  return undefined;
}
