import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ChangeWatch } from '../../../lib/worker/changeWatch.js';

/** Something shared that says what it is told to. */
const sharedState = () => ({
  unchanged: true,
  renewed: 0,
  isUnchanged() {
    return this.unchanged;
  },
  renew() {
    this.renewed += 1;
    this.unchanged = true;
  },
});

test('a change after one call is of that call, and after some calls nobody knows of which', () => {
  const shared = sharedState();
  const watch = new ChangeWatch(shared);
  assert.is(watch.look(3), 'unchanged');
  shared.unchanged = false;
  assert.is(watch.look(4), 'changed by the last');
  assert.is(shared.renewed, 1);
  shared.unchanged = false;
  assert.is(watch.look(6), 'changed by some');
  assert.is(shared.renewed, 2);
});

test('once a call has changed what is shared, each call of the run is looked at, in later chunks too', () => {
  const shared = sharedState();
  assert.not(new ChangeWatch(shared).isCareful);
  shared.unchanged = false;
  new ChangeWatch(shared).look(1);
  assert.ok(new ChangeWatch(shared).isCareful);
  assert.ok(new ChangeWatch(shared).isDue(0));
});

test('without a call there is nothing to look at', () => {
  const shared = sharedState();
  const watch = new ChangeWatch(shared);
  shared.unchanged = false;
  assert.is(watch.look(0), 'unchanged');
  assert.ok(watch.isUnchangedMeanwhile(0));
  assert.not(watch.isUnchangedMeanwhile(1));
  assert.is(watch.look(1), 'changed by the last');
});

test.run();
