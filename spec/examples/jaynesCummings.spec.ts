import { readFileSync } from 'node:fs';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { peaks } from '../../examples/jaynes-cummings/peaks.js';
import { plotSpectrum } from '../../examples/jaynes-cummings/plotSpectrum.js';
import { densityMatrix, steadyState, vacuumRabi } from '../../examples/jaynes-cummings/steadyState.js';

// QuTiP's answers to the same sweep; this file runs from dist/spec/examples.
const csv = readFileSync(new URL('../../../spec/examples/jaynes-cummings.csv', import.meta.url), 'utf8');
const [header, ...reference] = csv
  .trim()
  .split(/\r?\n/)
  .map(line => line.split(','));
const names = ['drive_frequency', 'photon_number', 'excited_population', 'purity'] as const;
const column = (name: (typeof names)[number]) => reference.map(row => Number(row[names.indexOf(name)]));

const near = (actual: number, expected: number, tolerance: number, message: string) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${message}: ${actual}, expected ${expected}`);

test('every row and column agrees with QuTiP to 1e-6', () => {
  assert.equal(header, [...names]);
  assert.is(reference.length, 201);
  for (const row of reference) {
    const state = steadyState(Number(row[0]), vacuumRabi);
    assert.equal(Object.keys(state), [...names]);
    names.forEach((name, i) => {
      const expected = Number(row[i]);
      near(state[name], expected, 1e-6 * Math.abs(expected), `${name} at ${row[0]}`);
    });
  }
});

test('the steady state is a density matrix: trace one, Hermitian, no negative probability', () => {
  const { re, im } = densityMatrix(0.95, vacuumRabi);
  near(re.trace(), 1, 1e-12, 'Tr ρ');
  near(Matrix.sub(re, re.transpose()).norm(), 0, 1e-12, 'Re(ρ − ρ†)');
  near(Matrix.add(im, im.transpose()).norm(), 0, 1e-12, 'Im(ρ − ρ†)');

  const size = re.rows;
  const real = Matrix.zeros(2 * size, 2 * size)
    .setSubMatrix(re, 0, 0)
    .setSubMatrix(Matrix.mul(im, -1), 0, size)
    .setSubMatrix(im, size, 0)
    .setSubMatrix(re, size, size);
  const { realEigenvalues } = new EigenvalueDecomposition(real, { assumeSymmetric: true });
  assert.ok(Math.min(...realEigenvalues) > -1e-12);
});

test('an undriven system decays to the vacuum', () => {
  const { photon_number, excited_population, purity } = steadyState(1.02, { ...vacuumRabi, drive: 0 });
  near(photon_number, 0, 1e-12, 'photon number');
  near(excited_population, 0, 1e-12, 'excited population');
  near(purity, 1, 1e-12, 'purity');
});

test('a cavity without an atom holds the coherent state of a driven damped oscillator', () => {
  const { cavityFrequency, cavityLoss, drive } = vacuumRabi;
  const frequency = 1.05;
  const { photon_number, purity } = steadyState(frequency, { ...vacuumRabi, coupling: 0, fockStates: 8 });
  const expected = drive ** 2 / ((cavityFrequency - frequency) ** 2 + (cavityLoss / 2) ** 2);
  near(photon_number, expected, 1e-9, 'photon number |α|²');
  near(purity, 1, 1e-9, 'purity');
});

test('peaks finds where a parabola has its top, between uneven samples too', () => {
  const x = [0, 0.5, 1.5, 2, 4];
  const [peak, ...others] = peaks(
    x,
    x.map(value => 3 - (value - 1.2) ** 2),
  );
  near(peak!.x, 1.2, 1e-12, 'x');
  near(peak!.y, 3, 1e-12, 'y');
  assert.equal(others, []);
});

test('peaks sees a top shared by two samples once, and neither ends nor steps', () => {
  assert.equal(peaks([0, 1, 2, 3], [0, 1, 1, 0]), [{ x: 1.5, y: 1.125 }]);
  assert.equal(peaks([0, 1, 2, 3, 4], [5, 1, 1, 2, 3]), []);
  assert.equal(peaks([], []), []);
});

test('peaks keeps the tallest, in the order of x', () => {
  const y = [0, 2, 0, 1, 0, 3, 0];
  const x = y.map((_, i) => i);
  assert.equal(
    peaks(x, y).map(peak => peak.x),
    [1, 3, 5],
  );
  assert.equal(
    peaks(x, y, 2).map(peak => peak.x),
    [1, 5],
  );
});

test('the resonance splits by twice the coupling', () => {
  const [low, high] = peaks(column('drive_frequency'), column('photon_number'), 2);
  near((low!.x + high!.x) / 2, 1, 1e-9, 'middle');
  near(high!.x - low!.x, 2 * vacuumRabi.coupling, 5e-4, 'splitting');
});

test('plotSpectrum draws both curves, titled axes and both peaks', async () => {
  const svg = await plotSpectrum({
    drive_frequency: column('drive_frequency'),
    photon_number: column('photon_number'),
    excited_population: column('excited_population'),
  });
  assert.match(svg, /^<svg[^>]*>/);
  for (const text of [
    'drive frequency / 2π (in units of the cavity frequency)',
    'mean number of quanta (log scale)',
    'photon number',
    'excited population',
    'Vacuum-Rabi splitting',
  ]) {
    assert.ok(svg.includes(text), text);
  }
  assert.is(svg.match(/>vacuum-Rabi peak at/g)?.length, 2);
  assert.not.match(svg, /NaN|undefined/);
});

test.run();
