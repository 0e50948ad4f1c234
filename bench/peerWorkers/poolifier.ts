import { type TaskFunctions, ThreadWorker } from 'poolifier';
import * as tasks from './tasksOfOneValue.js';

export default new ThreadWorker({ ...tasks } as TaskFunctions<unknown, unknown>);
