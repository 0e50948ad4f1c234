import { serialize } from 'node:v8';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fromBytes, toBytes } from '../../../../../lib/executors/cluster/protocol/codec.js';
import { MessageError } from '../../../../../lib/executors/cluster/protocol/errors.js';
import {
  readCancelled,
  readChunk,
  readClientHeartbeat,
  readDefinition,
  readJob,
  readReports,
  readWorkerHeartbeat,
} from '../../../../../lib/executors/cluster/protocol/validate.js';
import { difference } from '../../../../support/same.js';

const codec = suite('bullmq: messages');
const there = (value: unknown) => (fromBytes(toBytes({ value })) as { value: unknown }).value;

codec('messages carry what structured clone does', () => {
  const shared = { a: -0, b: Number.NaN, c: undefined };
  const cyclic: unknown[] = [shared, shared];
  cyclic.push(cyclic);
  for (const value of [
    -0,
    10n ** 40n,
    '\ud800',
    // biome-ignore lint/suspicious/noSparseArray: holes must stay holes
    [1, , 3],
    Object.assign([1, 2], { note: 3 }),
    new Map<unknown, unknown>([[shared, new Set([shared])]]),
    new Date(5),
    /a.c/gis,
    Float64Array.of(-0, Number.NaN),
    new BigInt64Array(2),
    new DataView(new ArrayBuffer(3)),
    Object(4),
    new Error('an error'),
    cyclic,
  ])
    assert.is(difference(there(value), value), undefined);
});

codec('bytes that are not of this library are rejected', () => {
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('rxp1'),
    Buffer.from('{"value":1}'),
    Buffer.from(serialize({ value: 1 })),
    toBytes({ value: [1, 2, 3] }).subarray(0, 12),
    Buffer.concat([Buffer.from('rxp1'), Buffer.alloc(64, 0xff)]),
  ])
    assert.throws(
      () => fromBytes(bytes),
      (error: unknown) => error instanceof MessageError,
    );
});

codec('a chunk of which bytes were changed is read or rejected, and does nothing else', () => {
  const bytes = toBytes({ inputs: { length: 1, shape: { kind: 'number' }, columns: [Float64Array.of(1)] } });
  let state = 1;
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  for (let time = 0; time < 2_000; time++) {
    const broken = Buffer.from(bytes);
    for (let i = 0; i <= random(4); i++) broken[4 + random(broken.length - 4)] = random(256);
    try {
      const { inputs } = readChunk(broken);
      assert.is(inputs.columns[0]?.length ?? inputs.length, inputs.length);
    } catch (error) {
      assert.instance(error, MessageError);
    }
  }
});

codec('messages of another layout are rejected', () => {
  const rows = { length: 1, shape: { kind: 'number' }, columns: [Float64Array.of(1)] };
  const report = { kind: 'report', count: 1, rows, failures: [], tag: {}, elapsed: 1 };
  const definition = {
    task: { kind: 'source', name: 'f', source: 'x => x' },
    args: [],
    spread: false,
    tag: {},
  };
  assert.is(readReports(toBytes({ from: 0, reports: [report] })).reports.length, 1);
  assert.is(readDefinition(toBytes(definition)).task.name, 'f');
  const wrong: [(bytes: Buffer) => unknown, object[]][] = [
    [
      readChunk,
      [
        {},
        { inputs: { ...rows, length: 2 } },
        { inputs: { ...rows, length: -1 } },
        { inputs: { ...rows, shape: { kind: 'other' } } },
        { inputs: { ...rows, columns: [] } },
        { inputs: { ...rows, shape: { kind: 'record', keys: ['__proto__'] } } },
        { inputs: { ...rows, shape: { kind: 'record', keys: ['a', 'b'] } } },
        { inputs: { ...rows, columns: ['a'] } },
      ],
    ],
    [
      readReports,
      [
        {},
        { from: -1, reports: [] },
        { from: 0, reports: [{ ...report, count: 2 }] },
        { from: 0, reports: [{ ...report, failures: [{ offset: 5 }] }] },
        { from: 0, reports: [], end: { kind: 'other' } },
        { from: 0, reports: [], end: { kind: 'refused' } },
      ],
    ],
    [
      readDefinition,
      [
        {},
        { ...definition, task: { kind: 'module', name: 'f' } },
        { ...definition, task: { kind: 'eval', name: 'f', source: '' } },
        { ...definition, args: {} },
        { ...definition, kwargs: [] },
      ],
    ],
  ];
  for (const [read, messages] of wrong)
    for (const message of messages)
      assert.throws(
        () => read(toBytes(message)),
        (error: unknown) => error instanceof MessageError,
      );
});

codec('JSON of another layout is rejected', () => {
  const client = '0123456789abcdef';
  assert.equal(readJob({ client, run: 1, chunk: 2, more: 3 }), { client, run: 1, chunk: 2 });
  for (const wrong of [null, 1, [], {}, { client: '../x', run: 1, chunk: 1 }, { client, run: '1', chunk: 1 }])
    assert.throws(() => readJob(wrong));
  for (const wrong of ['', 'null', '[]', '{}', '{"last":"1","open":[]}'])
    assert.throws(() => readClientHeartbeat(wrong));
  for (const wrong of ['{', '{}', '{"threads":-1,"place":"","beat":1,"held":[]}'])
    assert.throws(() => readWorkerHeartbeat(wrong));
  for (const wrong of ['{}', `{"client":"${client}"}`, `{"client":1,"chunks":[],"runs":[]}`])
    assert.throws(() => readCancelled(wrong));
});

codec.run();
