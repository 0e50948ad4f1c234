import { changingInputs } from './changingInputs.js';
import { contexts } from './contexts.js';
import { contextsOfWorkers } from './contextsOfWorkers.js';
import { failures } from './failures.js';
import { hostile } from './hostile.js';
import { lifetime } from './lifetime.js';
import { platformValues } from './platformValues.js';
import { programs } from './programs.js';
import { rows } from './rows.js';
import { sharedArguments } from './sharedArguments.js';
import { slices } from './slices.js';
import type { Capabilities, MakeExecutor } from './subject.js';
import { tasks } from './tasks.js';
import { values } from './values.js';

/**
 * What every executor promises, whatever its workers are.
 * @param name the executor's name, as in `index.ts`
 * @param make makes one; the contract closes it
 * @param capabilities what it can do beyond what all can
 */
export function contract(name: string, make: MakeExecutor, capabilities: Capabilities): void {
  const subject = { name, make, ...capabilities };
  rows(subject);
  slices(subject);
  values(subject);
  platformValues(subject);
  sharedArguments(subject);
  changingInputs(subject);
  tasks(subject);
  failures(subject);
  hostile(subject);
  programs(subject);
  contexts(subject);
  contextsOfWorkers(subject);
  lifetime(subject);
}
