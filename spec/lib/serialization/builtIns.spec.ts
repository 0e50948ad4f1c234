import { BlockList } from 'node:net';
import { createHistogram } from 'node:perf_hooks';
import { MessageChannel } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { containerHandlerOf, handlerOf } from '../../../lib/serialization/builtIns.js';
import { decode } from '../../../lib/serialization/decode.js';
import { same } from '../../support/same.js';
import { eachWay, encoderFor, refusal, sentValue } from './roundTrip.js';

const it = suite('builtIns');

it('values of Node’s own classes cross between threads if their clones are the same', async () => {
  const blob = sentValue(new Blob(['text']), 'threads') as Blob;
  assert.is(await blob.text(), 'text');
  assert.match(refusal(new BlockList(), 'threads').why, /a BlockList, which would go on to change/);
  assert.match(refusal(createHistogram(), 'threads').why, /Histogram, which would go on to change/);
  class Name extends Blob {}
  assert.match(refusal(new Name([]), 'threads').why, /an instance of Name, which would arrive as a Blob/);
  assert.match(refusal(new Blob([]), 'processes').why, /a Blob, which does not cross to another process/);
  const { port1, port2 } = new MessageChannel();
  assert.match(refusal(port1).why, /an instance of MessagePort/);
  port1.close();
  port2.close();
});

it('an instance of a class that extends null, or of a subclass of memory, is no plain object', () => {
  class Bare extends (null as unknown as new () => object) {}
  assert.match(refusal(Object.create(Bare.prototype)).why, /an instance of Bare/);
  class Memory extends ArrayBuffer {}
  assert.match(refusal(new Memory(8)).why, /an instance of Memory/);
});

it('values of another realm arrive as this one’s', async () => {
  const { runInNewContext } = await import('node:vm');
  const foreign = runInNewContext(
    '({ a: [1, , 3], m: new Map([["k", new Date(5)]]), s: new Set([/a/g]), f: Float64Array.of(1), n: Object.create(null) })',
  );
  for (const way of eachWay) {
    const arrived = sentValue(foreign, way) as {
      a: unknown[];
      m: Map<string, Date>;
      s: Set<RegExp>;
      f: Float64Array;
    };
    same(arrived, structuredClone(foreign));
    assert.instance(arrived.m, Map);
  }
  const error = sentValue(runInNewContext('new TypeError("foreign")'), 'threads');
  assert.instance(error, TypeError);
});

const matching = (value: object, prototype: object = Object.getPrototypeOf(value)) =>
  handlerOf(value, prototype);

it('a handler is found for values of this realm and of another one alike', async () => {
  const { runInNewContext } = await import('node:vm');
  for (const source of [
    'new Map()',
    'new Set()',
    'new Date(0)',
    '/a/',
    'new Float64Array(1)',
    'new ArrayBuffer(1)',
    'new TypeError()',
    'Object(5n)',
    'new SharedArrayBuffer(1)',
    'Promise.resolve()',
  ])
    assert.is(matching(runInNewContext(source)), matching(new Function(`return ${source}`)()), source);
});

it('a value that only has the prototype of a built-in class is none', () => {
  for (const Class of [Map, Set, Date, RegExp, Float64Array, Buffer, ArrayBuffer])
    assert.match(refusal(Object.create(Class.prototype)).why, new RegExp(`an instance of ${Class.name}`));
  class Sorted extends Map {}
  class Day extends Date {}
  for (const value of [new Sorted(), new Day()])
    assert.match(refusal(value).why, /an instance of (Sorted|Day), whose methods/);
});

it('a handler that leaves something else for a value decodes it too', () => {
  const encoder = encoderFor('processes');
  for (const [kind, value] of [
    ['error', new Error('a')],
    ['buffer', Buffer.from('a')],
    ['view', new Float64Array(1)],
  ] as const) {
    const encoded = encoder.encode(value) as { kind: string };
    assert.is(encoded.kind, kind);
    assert.type(matching(value).decode, 'function');
    same(decode(encoded, encoder.tag), value);
  }
  assert.is(matching(new Date(0)).decode, undefined);
});

it('Maps and Sets are the containers that are looked through where they arrive', () => {
  for (const value of [new Map(), new Set()]) assert.is(containerHandlerOf(value), matching(value));
  for (const value of [new Date(0), /a/, new Float64Array(1), new Error('a')])
    assert.is(containerHandlerOf(value), undefined);
});

it('a Promise is refused with what to do, and so is an instance of a class that is not registered', () => {
  assert.is(refusal([Promise.resolve()]).text, '[0] is a Promise; await it first');
  class Model {}
  assert.match(
    refusal(new Model()).why,
    /an instance of Model.*registerClass\(Model, \{ encode, decode \}\)/,
  );
});

it.run();
