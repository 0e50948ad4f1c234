import worker = require('threads/worker');

import * as tasks from './tasksOfOneValue.js';

worker.expose({ ...tasks });
