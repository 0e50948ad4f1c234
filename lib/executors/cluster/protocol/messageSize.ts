/** The most bytes of one message where `maxMessage` is not given. */
export const DEFAULT_MAX_MESSAGE_BYTES = 64 * 2 ** 20;

/** Says that a message is longer than `maxMessage`, and what to do. */
export const tooLarge = (bytes: number, maxBytes: number, remedy = 'pass less'): string =>
  `${bytes} bytes long, more than the ${maxBytes} of a message; raise \`maxMessage\` on both sides, or ${remedy}`;
