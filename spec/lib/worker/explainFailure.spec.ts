import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { explainFailure } from '../../../lib/worker/explainFailure.js';
import { shippedFunction } from '../../../lib/worker/shippedFunction.js';

const it = suite('explainFailure');

const shipped = { name: 'f', source: 'x => x * outer' };

it('an error about a variable that stayed behind is explained', () => {
  const run = shippedFunction(shipped);
  try {
    run(1);
    assert.unreachable();
  } catch (error) {
    const explained = explainFailure(error, shipped) as ReferenceError;
    assert.instance(explained, ReferenceError);
    assert.is(explained.cause, error);
    assert.match(
      explained.message,
      /^outer is not defined where the task runs: a plain function is shipped to a worker as its source, without the variables around it\. Pass outer through `args` or `kwargs`, or export the task from a module with task\(import\.meta, …\), or run it on inline\(\)\.$/,
    );
    assert.match(
      explained.stack ?? '',
      /^ReferenceError: outer is not defined where the task runs.*\n {4}at /,
    );
  }
  assert.match(
    (explainFailure(new ReferenceError('require is not defined'), shipped) as Error).message,
    /Use `await import\('…'\)` inside the task/,
  );
  assert.match(
    (explainFailure(new ReferenceError('__awaiter is not defined'), shipped) as Error).message,
    /compile for ES2018/,
  );
});

it('every other error is left alone', () => {
  for (const error of [
    new TypeError('x is not defined'),
    new ReferenceError("Cannot access 'x' before initialization"),
    'x is not defined',
    undefined,
  ])
    assert.is(explainFailure(error, shipped), error);
});

it('an error whose parts cannot be read is explained as far as they can', () => {
  const fail = {
    get() {
      throw new Error('no');
    },
  };
  const [noStack, noMessage] = [new ReferenceError('x is not defined'), new ReferenceError()];
  Object.defineProperty(noStack, 'stack', fail);
  Object.defineProperty(noMessage, 'message', fail);
  assert.match((explainFailure(noStack, shipped) as Error).message, /Pass x through `args`/);
  assert.is(explainFailure(noMessage, shipped), noMessage);
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  assert.is(explainFailure(proxy, shipped), proxy);
});

it.run();
