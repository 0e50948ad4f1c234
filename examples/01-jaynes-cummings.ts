// Sweep the frequency that drives a cavity with one atom in it, and watch its resonance split in two.
//
//   npm start

import { writeFile } from 'node:fs/promises';
import { linspace, parfor } from 'rx-parfor';
import { lastValueFrom } from 'rxjs';
import { peaks } from './jaynes-cummings/peaks.js';
import { plotSpectrum } from './jaynes-cummings/plotSpectrum.js';
import { steadyState, vacuumRabi } from './jaynes-cummings/steadyState.js';

const spectrum = await lastValueFrom(
  linspace(0.9, 1.1, 201).pipe(parfor(steadyState, { kwargs: vacuumRabi, progress: true })),
);

// The two tallest; the shoulders between them are two-photon resonances.
const [low, high] = peaks(spectrum.drive_frequency, spectrum.photon_number, 2).map(peak => peak.x);
console.log(`peaks at   ${low!.toFixed(4)} and ${high!.toFixed(4)} (drive frequency / 2π)`);
console.log(`splitting  ${(high! - low!).toFixed(4)}, 2g = ${(2 * vacuumRabi.coupling).toFixed(4)}`);

const rows = Array.from(spectrum.drive_frequency, (_, i) =>
  Object.values(spectrum).map(column => Number(column[i]!.toPrecision(12))),
);
await writeFile('jaynes-cummings.csv', `${[Object.keys(spectrum), ...rows].join('\n')}\n`);
await writeFile('jaynes-cummings.svg', await plotSpectrum(spectrum));
console.log('written    jaynes-cummings.csv, jaynes-cummings.svg');
