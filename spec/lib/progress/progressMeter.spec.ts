import { config, Subject } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inline } from '../../../lib/executors/inline.js';
import { type Progress, ProgressMeter, type ProgressObserver } from '../../../lib/progress/progressMeter.js';
import { linspace } from '../../../lib/sources/linspace.js';
import { sweep } from '../../../lib/sources/sweep.js';
import { parallelMap } from '../../../operators/parallelMap.js';
import { SeenStores, store } from '../../support/seenStores.js';
import { inVirtualTime, oops } from '../../support/virtualTime.js';

/** A log of all that an observer is told, and when. */
function logged(now: () => number) {
  const log: [at: number, ...unknown[]][] = [];
  const observer: ProgressObserver = {
    next: ({ completed, failed, total }) => log.push([now(), completed, failed, total]),
    error: error => log.push([now(), '#', error]),
    complete: () => log.push([now(), '|']),
    finalize: () => log.push([now(), 'finalize']),
  };
  return { log, observer, times: () => log.filter(([, what]) => typeof what === 'number').map(([at]) => at) };
}

test('one notification at the start, a last one with all of it, then complete, then finalize', () =>
  inVirtualTime(({ clock, flush }) => {
    const { log, observer } = logged(() => clock.now());
    const meter = new ProgressMeter(observer);
    clock.schedule(() => {
      meter.setTotal(2);
      meter.count(2, 0);
      meter.tell();
      meter.complete();
    }, 5);
    flush();
    assert.equal(log, [
      [0, 0, 0, undefined],
      [5, 2, 0, 2],
      [5, '|'],
      [5, 'finalize'],
    ]);
  }));

test('an error: how far the run was, the error, then finalize', () =>
  inVirtualTime(({ clock, flush }) => {
    const { log, observer } = logged(() => clock.now());
    const meter = new ProgressMeter(observer, { total: 3 });
    clock.schedule(() => {
      meter.count(0, 1);
      meter.error(oops);
    }, 5);
    flush();
    assert.equal(log, [
      [0, 0, 0, 3],
      [5, 0, 1, 3],
      [5, '#', oops],
      [5, 'finalize'],
    ]);
  }));

test('unsubscribed: finalize alone, and no timer is left', () =>
  inVirtualTime(({ clock, flush }) => {
    const { log, observer } = logged(() => clock.now());
    const meter = new ProgressMeter(observer, { total: 3 });
    clock.schedule(() => meter.stop(), 150);
    flush();
    assert.equal(log, [
      [0, 0, 0, 3],
      [100, 0, 0, 3],
      [150, 'finalize'],
    ]);
  }));

test('what settles every millisecond: told of every 40 ms', () =>
  inVirtualTime(({ clock, flush }) => {
    const { log, observer, times } = logged(() => clock.now());
    const meter = new ProgressMeter(observer);
    for (let at = 1; at <= 200; at++)
      clock.schedule(() => {
        meter.count(1, 0);
        meter.tell();
        if (at === 200) meter.complete();
      }, at);
    flush();
    assert.equal(times(), [0, 40, 80, 120, 160, 200, 200]);
    assert.equal(log.at(1), [40, 40, 0, undefined]);
  }));

test('however the work comes: told of at least every 100 ms', () =>
  inVirtualTime(({ clock, flush }) => {
    for (const settled of [[], [41], [99, 101, 230], [50, 140]]) {
      const { observer, times } = logged(() => clock.now());
      const meter = new ProgressMeter(observer);
      const start = clock.now();
      for (const at of settled) clock.schedule(() => meter.tell(), at);
      clock.schedule(() => meter.stop(), 1050);
      flush();
      const gaps = [...times(), start + 1050].map((at, i, all) => at - (all[i - 1] ?? start));
      assert.ok(Math.max(...gaps) <= 100, `${settled}: told at ${times()}`);
    }
  }));

test('a note has the fraction, the time elapsed, and the rate a second', () =>
  inVirtualTime(({ clock, flush }) => {
    const seen: Progress[] = [];
    const meter = new ProgressMeter(
      { next: progress => seen.push(progress) },
      { total: 8, running: () => 2 },
    );
    clock.schedule(() => {
      meter.count(3, 0);
      meter.count(0, 1);
      meter.tell();
      meter.stop();
    }, 50);
    flush();
    const start = { total: 8, fraction: 0, completed: 0, failed: 0, running: 2, elapsed: 0, rate: 0 };
    const later = {
      total: 8,
      fraction: 0.5,
      completed: 3,
      failed: 1,
      running: 2,
      elapsed: 50,
      rate: 80,
    };
    assert.equal(seen, [start, later]);
  }));

test('no inputs at all: a fraction of 1', () =>
  inVirtualTime(() => {
    const seen: Progress[] = [];
    const meter = new ProgressMeter({ next: progress => seen.push(progress) }, { total: 0 });
    meter.complete();
    assert.is(seen.at(-1)?.fraction, 1);
  }));

test('the total of a run: known from the start where the source says it, and put right at its end', () => {
  const totals = (run: (progress: Subject<Progress>) => void): unknown[] => {
    const progress = new Subject<Progress>();
    const seen: unknown[] = [];
    progress.subscribe(({ total }) => seen.push(total));
    run(progress);
    return seen;
  };
  const operator = (progress: Subject<Progress>) =>
    parallelMap((x: number) => x, { executor: inline(), progress });
  assert.equal(
    totals(progress => linspace(0, 1, 3).pipe(operator(progress)).subscribe()),
    [3, 3],
  );
  assert.equal(
    totals(progress => sweep([1, 2].values()).pipe(operator(progress)).subscribe()),
    [undefined, 2],
  );
  assert.equal(
    totals(progress => sweep([1, 2].values(), { total: 9 }).pipe(operator(progress)).subscribe()),
    [9, 2],
  );
});

test('a source that gives more than it said has no total: the fraction stays below 1 and the time left above 0', () => {
  const seen: Progress[] = [];
  const total = (given: number) =>
    sweep([1, 2, 3, 4].values(), { total: given })
      .pipe(parallelMap((x: number) => x, { executor: inline(), progress: note => seen.push(note) }))
      .subscribe();
  for (const given of [0, 1, 3, 4, 9]) total(given);
  for (const { total, fraction = 0, remaining = 0, completed, running } of seen) {
    assert.ok(fraction <= 1 && remaining >= 0);
    assert.ok(total === undefined || completed + running <= total);
  }
  assert.ok(
    seen
      .filter(({ completed }) => completed === 4)
      .every(({ total, fraction }) => total === 4 && fraction === 1),
  );
});

test('a clock that is set back or forward changes nothing', async () => {
  const real = Date.now;
  const seen: Progress[] = [];
  try {
    const meter = new ProgressMeter({ next: note => seen.push(note) }, { total: 4 });
    for (const hours of [-1, 5, 0]) {
      Date.now = () => real() + hours * 3_600_000;
      meter.count(1, 0);
      await new Promise(resolve => setTimeout(resolve, 45));
      meter.tell();
    }
    meter.complete();
  } finally {
    Date.now = real;
  }
  assert.is(seen.at(-1)?.completed, 3);
  assert.ok(seen.length >= 5, `${seen.length} notes`);
  seen.forEach(({ elapsed }, i) => {
    assert.ok(elapsed >= (seen[i - 1]?.elapsed ?? 0) && elapsed < 60_000, `${elapsed} ms`);
  });
});

test('the time left comes with the second round, and does not grow between completions', () =>
  inVirtualTime(({ clock, flush }) => {
    const seen: Progress[] = [];
    const meter = new ProgressMeter({ next: note => seen.push(note) }, { total: 10, running: () => 2 });
    for (let round = 1; round <= 5; round++)
      clock.schedule(() => {
        meter.count(2, 0);
        meter.tell();
        if (round === 5) meter.complete();
      }, round * 600);
    flush();
    assert.ok(seen.some(({ remaining }) => remaining !== undefined));
    for (const { remaining, elapsed } of seen)
      if (remaining !== undefined) assert.is(Math.round(remaining), 3000 - elapsed);
  }));

/** Errors that RxJS has nobody to tell of. */
async function unhandled(run: () => void | Promise<void>): Promise<unknown[]> {
  const errors: unknown[] = [];
  config.onUnhandledError = error => errors.push(error);
  try {
    await run();
    await new Promise(resolve => setTimeout(resolve, 5));
  } finally {
    config.onUnhandledError = null;
  }
  return errors;
}

const throwing = () => {
  throw oops;
};

test('an observer that throws: told of as by a Subject, and the run is not touched', async () => {
  const later = (x: number) => new Promise<number>(resolve => setTimeout(resolve, 1, x));
  for (const task of [(x: number) => x, later]) {
    const rows: unknown[] = [];
    const errors = await unhandled(
      () =>
        new Promise<void>((resolve, reject) => {
          sweep([1, 2, 3])
            .pipe(
              parallelMap(task, {
                executor: inline(),
                progress: { next: throwing, complete: throwing, error: throwing },
              }),
            )
            .subscribe({ next: row => rows.push(row), complete: resolve, error: reject });
        }),
    );
    assert.equal(rows, [1, 2, 3]);
    // At the start, at the end, and its completion; on a busy machine also in between.
    assert.ok(errors.length >= 3 && errors.every(error => error === oops));
  }
});

test('an observer of the error that throws: the run still ends with its own', async () => {
  let seen: unknown;
  const errors = await unhandled(() => {
    sweep([1])
      .pipe(
        parallelMap(
          () => {
            throw new Error('the run’s');
          },
          { executor: inline(), progress: { error: throwing } },
        ),
      )
      .subscribe({ error: error => (seen = error) });
  });
  assert.match(String(seen), 'the run’s');
  assert.equal(errors, [oops]);
});

test('an observer without an error handler: an error of the run is not its business', async () => {
  const errors = await unhandled(() => {
    sweep([1])
      .pipe(parallelMap(throwing, { executor: inline(), progress: { next: () => undefined } }))
      .subscribe({ error: () => undefined });
  });
  assert.equal(errors, []);
});

test('an observer is called on itself: its methods may use `this`', () => {
  class Counter {
    notes = 0;
    ended = false;
    next(): void {
      this.notes += 1;
    }
    complete(): void {
      this.ended = true;
    }
  }
  const counter = new Counter();
  sweep([1])
    .pipe(parallelMap(x => x, { executor: inline(), progress: counter }))
    .subscribe();
  assert.equal([counter.notes, counter.ended], [2, true]);
});

test('an observer of progress sees the store of its own run, also where another context moves the clock', () =>
  inVirtualTime(({ clock, flush }) => {
    const seen = new SeenStores();
    const meter = store.run('A', () => new ProgressMeter(seen.progress));
    clock.schedule(() => meter.stop(), 1_000);
    store.run('B', flush);
    assert.is(seen.calls.filter(call => call === 'progress: A').length, 10);
    assert.not.ok(seen.calls.includes('progress: B'));
  }));

test.run();
