/** Writes a rate as `3.1/s`, `31/s` or `1.2k/s`, and less than one per second as `30/min` or `3.6/h`. */
export function frequency(perSecond: number): string {
  if (perSecond >= 1) return `${quantity(perSecond)}/s`;
  return perSecond * 60 >= 1 ? `${quantity(perSecond * 60)}/min` : `${quantity(perSecond * 3600)}/h`;
}

function quantity(value: number): string {
  let scaled = value;
  for (const prefix of ['', 'k', 'M', 'G']) {
    const digits = scaled.toFixed(scaled < 9.95 ? 1 : 0);
    // The rounded number decides: 999.7 is 1.0k and not 1000.
    if (Number(digits) < 1000) return digits + prefix;
    scaled /= 1000;
  }
  return value.toExponential(1);
}

/** Writes milliseconds as `2.3 s`, `12:05` or `1:02:03`: tenths of a second matter below a minute. */
export function duration(ms: number, round: (value: number) => number = Math.floor): string {
  const tenths = round(ms / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = round(ms / 1000);
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  return hours > 0
    ? `${hours}:${digits(minutes % 60)}:${digits(seconds % 60)}`
    : `${minutes}:${digits(seconds % 60)}`;
}

/** Writes milliseconds as days, hours, minutes and seconds, as QuTiP does: `00:01:02:03`. */
export function countdown(ms: number): string {
  // Rounded up: 0 would say that the run is over.
  const seconds = Math.ceil(ms / 1000);
  const [minutes, hours, days] = [60, 3600, 86_400].map(unit => Math.floor(seconds / unit)) as [
    number,
    number,
    number,
  ];
  return [days, hours % 24, minutes % 60, seconds % 60].map(digits).join(':');
}

const digits = (value: number): string => String(value).padStart(2, '0');

/** Returns how many of `count` equal pieces are done: 29 of 100 at 0.29, although 0.29 * 100 < 29 in floating point. */
export function wholes(fraction: number, count: number): number {
  return fraction < 1 ? Math.max(0, Math.min(Math.floor(fraction * count + 1e-9), count - 1)) : count;
}
