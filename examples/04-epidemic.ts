// Run a model on a grid of parameters, and write a table with a named column for each parameter and result.

import { writeFile } from 'node:fs/promises';
import { grid, parfor } from 'rx-parfor';
import { lastValueFrom } from 'rxjs';

type Disease = { contacts: number; days_ill: number };
type Town = { people: number; ill: number; days: number };

/** An epidemic day by day (Kermack and McKendrick). It needs nothing from around it, so it may be a plain function. */
const epidemic = ({ contacts, days_ill }: Disease, { people, ill, days }: Town) => {
  let healthy = people - ill;
  let peak = ill;
  let peak_day = 0;
  for (let day = 1; day <= days; day++) {
    const infected = (contacts * ill * healthy) / people;
    healthy -= infected;
    ill += infected - ill / days_ill;
    if (ill > peak) [peak, peak_day] = [ill, day];
  }
  return { contacts, days_ill, peak_day, peak: Math.round(peak), spared: Math.round(healthy) };
};

const table = await lastValueFrom(
  grid({ contacts: [0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4], days_ill: [4, 6, 8, 10, 12] }).pipe(
    parfor(epidemic, { kwargs: { people: 100_000, ill: 10, days: 365 } }),
  ),
);

const names = Object.keys(table);
const rows = Array.from(table.contacts, (_, i) => Object.values(table).map(column => column[i]));
await writeFile('epidemic.csv', `${[names, ...rows].join('\n')}\n`);

const worst = table.peak.indexOf(Math.max(...table.peak));
for (const name of names) console.log(name.padEnd(10), table[name as keyof typeof table][worst]);
console.log('written    epidemic.csv');
