import type { OperatorFunction } from 'rxjs';
import { executorOfRun } from '../executors/executorOfRun.js';
import type { Plan } from '../options/mapOptions.js';
import type { Task } from '../task/task.js';
import { runTaskOn } from './runTaskOn.js';
import type { SettledBatch } from './settledBatch.js';

/** Runs a task on the plan's executor, or on the one that all runs share: every parallel operator is made of it. */
export const runTask = <T>(task: Task, plan: Plan): OperatorFunction<T, SettledBatch> =>
  runTaskOn(() => executorOfRun(plan.executor), task, plan);
