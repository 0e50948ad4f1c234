import { inline } from '../../../lib/executors/inline.js';
import { contract } from './contract.js';

contract('inline', ({ workers } = {}) => inline(workers === undefined ? {} : { concurrency: workers }), {
  crosses: false,
  sharesMemory: false,
  processes: false,
});
