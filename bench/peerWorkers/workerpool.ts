import workerpool from 'workerpool';
import * as tasks from './tasksOfOneValue.js';

workerpool.worker({ ...tasks });
