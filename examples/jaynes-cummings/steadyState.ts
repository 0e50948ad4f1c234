import { Matrix, solve } from 'ml-matrix';
import { task } from 'rx-parfor';

/** A driven, damped Jaynes-Cummings system. Every frequency and rate is divided by 2π. */
export type JaynesCummings = Readonly<{
  /** How many photon numbers are kept: 0 … fockStates − 1. */
  fockStates: number;
  cavityFrequency: number;
  atomFrequency: number;
  /** g: how fast cavity and atom swap one excitation. */
  coupling: number;
  /** κ */
  cavityLoss: number;
  /** γ */
  atomLoss: number;
  /** ε: the amplitude of the drive on the cavity. */
  drive: number;
}>;

/** Coupling far above both losses: the resonance at 1 splits into two, 2g apart. */
export const vacuumRabi: JaynesCummings = {
  fockStates: 6,
  cavityFrequency: 1,
  atomFrequency: 1,
  coupling: 0.05,
  cavityLoss: 0.005,
  atomLoss: 0.005,
  drive: 0.002,
};

/** The task: what a detector sees of the steady state at one drive frequency. */
export const steadyState = task(
  import.meta,
  'steadyState',
  (driveFrequency: number, parameters: JaynesCummings) => {
    const { photons, excited } = modelOf(parameters);
    const { re, im } = densityMatrix(driveFrequency, parameters);
    return {
      drive_frequency: driveFrequency,
      photon_number: photons.mmul(re).trace(),
      excited_population: excited.mmul(re).trace(),
      purity: re.norm() ** 2 + im.norm() ** 2, // Tr ρ² of a Hermitian ρ
    };
  },
);

/**
 * Solves Lρ = 0 with Tr ρ = 1 in the frame that rotates with the drive.
 *
 * In the basis |photons, atom⟩ the Hamiltonian and the loss operators are real, so that with ρ = R + iS
 * the master equation dρ/dt = −i[H, ρ] + Dρ splits into two real ones:
 *
 *     dR/dt =  D R + [H, S]
 *     dS/dt = −[H, R] + D S
 */
export const densityMatrix = (driveFrequency: number, parameters: JaynesCummings) => {
  const { restingHamiltonian, excitations, dissipator, identity } = modelOf(parameters);
  const hamiltonian = Matrix.sub(restingHamiltonian, Matrix.mul(excitations, 2 * Math.PI * driveFrequency));
  const commutator = Matrix.sub(sandwich(hamiltonian, identity), sandwich(identity, hamiltonian));

  const size = identity.rows;
  const half = size ** 2;
  const liouvillian = Matrix.zeros(2 * half, 2 * half)
    .setSubMatrix(dissipator, 0, 0)
    .setSubMatrix(commutator, 0, half)
    .setSubMatrix(Matrix.mul(commutator, -1), half, 0)
    .setSubMatrix(dissipator, half, half);

  // L keeps the trace, so one of its rows follows from the others and gives way to Tr R = 1 (and Tr S = 0).
  const trace = [...identity.to1DArray()];
  const zeros = trace.map(() => 0);
  liouvillian.setRow(0, [...trace, ...zeros]).setRow(half, [...zeros, ...trace]);
  const rightHandSide = Matrix.zeros(2 * half, 1).set(0, 0, 1);

  const solution = solve(liouvillian, rightHandSide).to1DArray();
  return {
    re: Matrix.from1DArray(size, size, solution.slice(0, half)),
    im: Matrix.from1DArray(size, size, solution.slice(half)),
  };
};

/** What does not depend on the drive frequency; a worker builds it once per set of parameters. */
const modelOf = (parameters: JaynesCummings) => {
  const model = models.get(parameters) ?? createModel(parameters);
  models.set(parameters, model);
  return model;
};

const createModel = (parameters: JaynesCummings) => {
  const { fockStates, cavityFrequency, atomFrequency, coupling, cavityLoss, atomLoss, drive } = parameters;
  const a = annihilation(fockStates).kroneckerProduct(Matrix.eye(2));
  const sigmaMinus = Matrix.eye(fockStates).kroneckerProduct(annihilation(2));
  const photons = a.transpose().mmul(a);
  const excited = sigmaMinus.transpose().mmul(sigmaMinus);
  const swap = a.transpose().mmul(sigmaMinus);

  return {
    photons,
    excited,
    excitations: Matrix.add(photons, excited),
    /** H for a drive of frequency zero; going to the drive's frame takes ω off every excitation. */
    restingHamiltonian: Matrix.mul(photons, cavityFrequency)
      .add(Matrix.mul(excited, atomFrequency))
      .add(Matrix.add(swap, swap.transpose()).mul(coupling))
      .add(Matrix.add(a, a.transpose()).mul(drive))
      .mul(2 * Math.PI),
    dissipator: lindblad(a)
      .mul(cavityLoss)
      .add(lindblad(sigmaMinus).mul(atomLoss))
      .mul(2 * Math.PI),
    identity: Matrix.eye(a.rows),
  };
};

const models = new WeakMap<JaynesCummings, ReturnType<typeof createModel>>();

/** Lowers a ladder of `levels` states by one step; on two levels it is σ₋. */
const annihilation = (levels: number) => {
  const lower = Matrix.zeros(levels, levels);
  for (let n = 1; n < levels; n++) lower.set(n - 1, n, Math.sqrt(n));
  return lower;
};

/** ρ ↦ AρB as a matrix that acts on ρ written row by row. */
const sandwich = (a: Matrix, b: Matrix) => a.kroneckerProduct(b.transpose());

/** ρ ↦ CρC† − ½(C†Cρ + ρC†C): what losing quanta through a real C does to ρ. */
const lindblad = (c: Matrix) => {
  const identity = Matrix.eye(c.rows);
  const rate = c.transpose().mmul(c);
  return sandwich(c, c.transpose()).sub(sandwich(rate, identity).add(sandwich(identity, rate)).mul(0.5));
};
