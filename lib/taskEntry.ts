// The entry `rx-parfor/task`: what a task's module needs, without RxJS and the operators, so that workers start faster.
export { task } from './task.js';
export { registerClass } from './transport/registerClass.js';
export { transfer } from './transport/transfer.js';
