import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TaskError } from '../../../lib/errors.js';
import { CallSite } from '../../../lib/options/callSite.js';

const it = suite('callSite');

/** Stands where `planOf` does, whose frame is left out. */
const planOf = () => new CallSite();

function operator(): CallSite {
  return planOf();
}

it('an error of this library shows where its operator was called, and goes on to', () => {
  const site = (function callsIt() {
    return operator();
  })();
  const error = new TaskError({ index: 0, input: 1 }, new Error('no'));
  site.show(error);
  assert.match(
    error.stack ?? '',
    /^TaskError: the task failed for input 1 \(index 0\): Error: no\n {4}at operator .*\n {4}at callsIt /,
  );
  const { stack } = error;
  operator().show(error);
  assert.is(error.stack, stack, 'it has passed through another run');
});

it('any other error keeps its stack', () => {
  const error = new Error('mine');
  const { stack } = error;
  for (const thrown of [error, undefined, 'text', Object.assign(new Error(), { code: 'ENOENT' })])
    operator().show(thrown);
  assert.is(error.stack, stack);
});

it('a call site leaves the limit of stacks as it is, and needs none', () => {
  const { stackTraceLimit } = Error;
  try {
    for (const limit of [0, 3, 50]) {
      Error.stackTraceLimit = limit;
      const site = operator();
      assert.is(Error.stackTraceLimit, limit);
      const error = new TaskError({ index: 0, input: 1 });
      site.show(error);
      assert.match(error.stack ?? '', /^TaskError: /);
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
});

it.run();
