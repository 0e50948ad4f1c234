// Tasks that fail, that never return and that are not wanted any more: what a run does about each.

import { parallelMap, parallelMapSettled } from 'rx-parfor';
import { firstValueFrom, from, lastValueFrom, of, timer, toArray } from 'rxjs';
import { type Curve, newton } from './roots/newton.js';

const names: Curve[] = ['cubic', 'parabola', 'line'];

// How each input has settled. The parabola has no zero: its task runs into the time limit, and its worker is replaced.
const settled = from(names).pipe(parallelMapSettled(newton, { taskTimeout: 200 }));
for (const row of await lastValueFrom(settled.pipe(toArray())))
  if (row.status === 'fulfilled') console.log(`${row.input}: ${row.value.toFixed(6)}`);
  else console.log(`${row.input}: ${row.reason.message}`);

// Newton's method diverges from many starts. Each new try has another one.
const root = await firstValueFrom(of<Curve>('arctangent').pipe(parallelMap(newton, { retry: 50 })));
console.log(`arctangent: ${Math.abs(root).toFixed(6)}`);

// Nobody waits for these any more: unsubscribing frees the workers, though no task has returned.
const forever = from(Array<Curve>(100).fill('parabola')).pipe(parallelMap(newton)).subscribe();
await firstValueFrom(timer(200));
forever.unsubscribe();
const again = await firstValueFrom(of<Curve>('cubic').pipe(parallelMap(newton)));
console.log(`cubic: ${again.toFixed(6)}`);
