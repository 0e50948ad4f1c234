/** Says that something in Redis is not what it should be, and was not used. */
export const warnOfRejected = (why: string): void =>
  process.emitWarning(why, { type: 'RejectedMessageWarning', code: 'RX_PARFOR_REJECTED' });
