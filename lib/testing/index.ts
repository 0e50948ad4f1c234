export { type ExecutorUnderTest, executorContract, type TestFunction } from './executorContract.js';
export { type Fault, type FaultyExecutorOptions, faultyExecutor } from './faultyExecutor.js';
export { type MarbleExecutor, marbleExecutor } from './marbleExecutor.js';
