/** Warns that something that was read from Redis was rejected, and not used. */
export const warnOfRejected = (why: string): void =>
  process.emitWarning(why, { type: 'RejectedMessageWarning', code: 'RX_PARFOR_REJECTED' });
