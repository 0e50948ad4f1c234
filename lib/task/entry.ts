// The entry `rx-parfor/task`: what a task's module needs, without RxJS and the operators, so that workers start faster.

export { registerClass } from '../serialization/registerClass.js';
export { transfer } from '../serialization/transfer.js';
export { inWorker } from './inWorker.js';
export { task } from './task.js';
