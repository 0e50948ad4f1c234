import { randomBytes } from 'node:crypto';
import type { Queue } from 'bullmq';
import { Observable, Subject, type Subscriber } from 'rxjs';
import { NotTransferableError } from '../../../errors.js';
import {
  type Chunk,
  type ChunkPolicy,
  type Executor,
  ExecutorClosedError,
  type Report,
  type Run,
  WorkerLostError,
} from '../../../executor.js';
import { noRows } from '../../../serialization/columnBatch.js';
import { definitionOf } from '../../pool/definitionOf.js';
import { reportOf } from '../../pool/reportOf.js';
import { errorOf } from '../protocol/chunkEnd.js';
import { toBytes } from '../protocol/codec.js';
import { MessageError } from '../protocol/errors.js';
import {
  type Cancelled,
  type ChunkEnd,
  type ClientBeat,
  type DefinitionPayload,
  type JobData,
  readReports,
} from '../protocol/messages.js';
import { warnOfRejected } from '../protocol/warnOfRejected.js';
import { addressOf, type ClusterConnection } from '../redis/connection.js';
import {
  BEAT,
  clientOf,
  jobId,
  Keys,
  LIFETIME,
  PROLONG_AFTER,
  type QueueName,
  SLICE,
} from '../redis/keys.js';
import type { ScriptedRedis } from '../redis/scripts.js';
import { sendTask } from '../worker/moduleTask.js';
import { type Link, linkTo } from './connections.js';
import { inputsOf, tooLarge } from './inputsOf.js';
import { WorkerRegistry } from './workerRegistry.js';

/** As on threads: more make a chunk's memory outgrow the caches. */
const LIMIT = 16_384;

/** So long a reader of reports waits for one, in ms. */
const READ_FOR = 2_000;

/** A worker whose sign of life is missing in so many looks is gone: one that was just cut off may be back in the next. */
const MISSED_LOOKS = 2;

/** A worker that says so often that it does not have a chunk that it took has lost it. */
const DENIALS = 4;

/** Chunks that nobody has taken are looked for after so many beats. */
const LOOK_FOR_WAITING = 10;

/** So many of the jobs that wait longest are looked at, whether their clients are still there. */
const FOREIGN_LOOKED_AT = 100;

export interface ClusterExecutorOptions extends QueueName {
  readonly connection: ClusterConnection;
  /** Milliseconds without any worker until runs end with an error; `undefined` for never. */
  readonly workerTimeout: number | undefined;
  /** The project's root: modules of tasks are named relative to it. */
  readonly root: string;
  /** The most bytes of one message. */
  readonly maxMessage: number;
}

/** What is known of a run. */
interface SharedRun {
  readonly id: number;
  readonly bytes: Buffer;
  /** Whether workers find it in Redis. */
  sent: boolean;
}

/** A chunk on its way. */
interface Flight {
  readonly id: number;
  readonly run: SharedRun;
  readonly subscriber: Subscriber<Report>;
  /** How many inputs were sent. */
  readonly length: number;
  settled: number;
  /** Kept until a worker has taken them, in case that Redis loses them. */
  inputs: Buffer | undefined;
  /** Resolves when the job is in the queue. */
  added: Promise<unknown>;
  /** The worker that has it. */
  worker: string | undefined;
  /** Looks in which that worker was missing. */
  missed: number;
  /** Signs of life in which the worker did not have it, and the last one of them. */
  denials: number;
  lastBeat: number;
  /** Looks in which it was not in the queue. */
  unfound: number;
}

/**
 * Runs chunks on workers of other processes and hosts, each chunk a job of a BullMQ queue.
 *
 * A job holds names only. Inputs lie beside it until a worker takes them, once; reports come back in a stream of this
 * client's own. Whether all is well is not asked of BullMQ: twice a second clients and workers say what they have, and
 * who says nothing, or not this chunk any more, has lost it. See the README beside this file.
 */
export class ClusterExecutor implements Executor, AsyncDisposable {
  readonly chunkPolicy: ChunkPolicy = { timeSlice: SLICE, maxInputs: LIMIT };
  readonly changes = new Subject<void>();
  readonly #options: ClusterExecutorOptions;
  readonly #id = randomBytes(8).toString('hex');
  readonly #keys: Keys;
  readonly #open = new Map<number, Flight>();
  readonly #runs = new WeakMap<Run, SharedRun>();
  readonly #activeRuns = new Set<SharedRun>();
  readonly #roster: WorkerRegistry;
  readonly #note = (error: Error): void => {
    this.#roster.lastError = error;
  };
  #lastChunk = 0;
  #lastRun = 0;
  #link: Link | undefined;
  #timer: NodeJS.Timeout | undefined;
  #beats = 0;
  #beating = false;
  /** The last report that was read from the stream. */
  #lastReport = '0-0';
  /** Waiting jobs whose clients were not there at the last look. */
  #ownerless: ReadonlySet<string> = new Set();
  #closed: Promise<void> | undefined;

  constructor(options: ClusterExecutorOptions) {
    this.#options = options;
    this.#keys = new Keys(options);
    this.#roster = new WorkerRegistry(options.queue, options.workerTimeout);
  }

  /** The threads of all workers that are connected; 1 where none is, for the chunk that waits for the first of them. */
  get parallelism(): number {
    return Math.max(1, this.#roster.threads);
  }

  run(chunk: Chunk): Observable<Report> {
    return new Observable<Report>(subscriber => {
      if (this.#closed) {
        subscriber.error(new ExecutorClosedError());
        return;
      }
      let run: SharedRun;
      try {
        run = this.#share(chunk.run);
      } catch (error) {
        subscriber.error(error);
        return;
      }
      const packed = inputsOf(chunk, this.#options.maxMessage);
      if ('untransferable' in packed) {
        subscriber.next({
          count: 1,
          rows: noRows,
          failures: [{ offset: 0, cause: undefined, untransferable: packed.untransferable }],
          elapsed: 0,
        });
        subscriber.complete();
        return;
      }
      this.#lastChunk += 1;
      const flight: Flight = {
        id: this.#lastChunk,
        run,
        subscriber,
        ...packed,
        settled: 0,
        added: Promise.resolve(),
        worker: undefined,
        missed: 0,
        denials: 0,
        lastBeat: 0,
        unfound: 0,
      };
      subscriber.add(() => this.#drop(flight));
      this.#open.set(flight.id, flight);
      this.#activate();
      const { ready } = this.#link as Link;
      flight.added = ready.then(queue => this.#send(flight, queue));
      flight.added.catch(error => this.#end(flight, error));
    });
  }

  forget(run: Run): void {
    const shared = this.#runs.get(run);
    if (!shared) return;
    this.#runs.delete(run);
    this.#activeRuns.delete(shared);
    if (!this.#link || !shared.sent) return;
    shared.sent = false;
    this.#forget(this.#link.commands.del(this.#keys.definition(this.#id, shared.id)));
    this.#tell({ client: this.#id, chunks: [], runs: [shared.id] });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    // Before anything is awaited, so that no chunk of the runs that end now is taken on.
    await Promise.resolve();
    const flights = [...this.#open.values()];
    for (const flight of flights) this.#end(flight, new ExecutorClosedError());
    this.changes.complete();
    clearInterval(this.#timer);
    const link = this.#link;
    if (!link) return;
    const { commands, reader } = link;
    const leave = async () => {
      const queue = await link.ready;
      await Promise.allSettled(flights.map(({ added }) => added));
      // Removals of chunks go out before this.
      await new Promise(resolve => setImmediate(resolve));
      const runs = [...this.#activeRuns].map(({ id }) => this.#keys.definition(this.#id, id));
      await commands.del(this.#keys.client(this.#id), this.#keys.reports(this.#id), ...runs);
      await queue.close();
      await commands.quit();
    };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, 2_000);
    });
    await Promise.race([leave().catch(() => undefined), late]);
    clearTimeout(timer);
    reader.disconnect();
    commands.disconnect();
  }

  /** What the chunks of the run share, made once. */
  #share(run: Run): SharedRun {
    const known = this.#runs.get(run);
    if (known) return known;
    const { task, args, kwargs, spread, tag } = definitionOf(run, 0, false);
    const payload: DefinitionPayload = {
      task: sendTask(task, this.#options.root),
      args,
      kwargs,
      spread,
      taskTimeout: run.taskTimeout,
      tag,
    };
    const bytes = toBytes(payload);
    const { maxMessage } = this.#options;
    if (bytes.length > maxMessage)
      throw new NotTransferableError(
        { index: undefined, input: undefined },
        'args',
        '',
        tooLarge(bytes, maxMessage),
      );
    this.#lastRun += 1;
    const shared: SharedRun = { id: this.#lastRun, bytes, sent: false };
    this.#runs.set(run, shared);
    this.#activeRuns.add(shared);
    return shared;
  }

  async #send(flight: Flight, queue: Queue): Promise<void> {
    if (!this.#open.has(flight.id) || !flight.inputs) return;
    const { commands } = this.#link as Link;
    const { run, id } = flight;
    if (!run.sent) {
      run.sent = true;
      this.#forget(commands.set(this.#keys.definition(this.#id, run.id), run.bytes, 'PX', LIFETIME.payload));
    }
    this.#forget(commands.set(this.#keys.inputs(this.#id, id), flight.inputs, 'PX', LIFETIME.payload));
    const data: JobData = { client: this.#id, run: run.id, chunk: id };
    await queue.add('chunk', data, { jobId: jobId(this.#id, id) });
  }

  /** The chunk is over, with an error or without. */
  #end(flight: Flight, error?: unknown): void {
    if (!this.#open.delete(flight.id)) return;
    if (error !== undefined) {
      this.#remove(flight);
      flight.subscriber.error(error);
    } else flight.subscriber.complete();
    this.#restIfIdle();
  }

  /** Nobody waits for the chunk any more. */
  #drop(flight: Flight): void {
    if (!this.#open.delete(flight.id)) return;
    this.#remove(flight);
    this.#restIfIdle();
  }

  /** Takes the chunk out of Redis, and has a worker stop that runs it. */
  #remove(flight: Flight): void {
    const { commands, ready } = this.#link as Link;
    const id = jobId(this.#id, flight.id);
    flight.added = flight.added
      .then(async () => {
        const queue = await ready;
        this.#tell({ client: this.#id, chunks: [flight.id], runs: [] });
        this.#forget(commands.del(this.#keys.inputs(this.#id, flight.id)));
        // A lock of a worker that is gone would keep the job until it expires.
        if (flight.missed > 0 || flight.denials > 0) this.#forget(commands.del(`${queue.toKey(id)}:lock`));
        await queue.remove(id);
        // What BullMQ noted of it, to look whether its worker stalls.
        this.#forget(commands.srem(queue.toKey('stalled'), id));
      })
      .catch(() => undefined);
  }

  #tell(cancelled: Cancelled): void {
    const { commands } = this.#link as Link;
    this.#forget(commands.publish(this.#keys.cancelled, JSON.stringify(cancelled)));
  }

  /** Errors of the connection are told where they matter: by what stays without an answer. */
  #forget(done: Promise<unknown>): void {
    done.catch(this.#note);
  }

  /** There is something to wait for. */
  #activate(): void {
    const first = this.#link === undefined;
    const link = (this.#link ??= linkTo(this.#options, this.#note));
    if (this.#timer) return;
    link.hold.set(true);
    this.#roster.start();
    // What Redis has answered while the subscriber kept this thread busy is heard first.
    this.#timer = setInterval(() => setImmediate(() => this.#beat()), BEAT);
    this.#beats = 0;
    // Workers take no chunk of a client that is not there; the last beat before a rest may still be under way.
    if (this.#beating) this.#sayAlive(link.commands);
    else this.#beat();
    if (first) this.#read(link);
  }

  /** There is nothing to wait for: nothing is left behind, and nothing keeps the program alive. */
  #restIfIdle(): void {
    if (this.#open.size > 0 || !this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    const { commands, hold } = this.#link as Link;
    this.#forget(commands.del(this.#keys.client(this.#id)));
    // Emptied, not deleted: a new stream could give out an id that was read already.
    const reports = this.#keys.reports(this.#id);
    this.#forget(commands.xtrim(reports, 'MAXLEN', 0));
    this.#forget(commands.pexpire(reports, LIFETIME.client));
    hold.set(false);
  }

  async #read({ reader, commands }: Link): Promise<void> {
    const key = this.#keys.reports(this.#id);
    while (!this.#closed) {
      try {
        const streams = await reader.xreadBuffer(
          'COUNT',
          64,
          'BLOCK',
          READ_FOR,
          'STREAMS',
          key,
          this.#lastReport,
        );
        if (!streams) continue;
        const [[, entries]] = streams as [[Buffer, [Buffer, Buffer[]][]]];
        for (const [id, fields] of entries) {
          this.#lastReport = id.toString();
          this.#receive(fields);
        }
        const [time, sequence] = this.#lastReport.split('-');
        this.#forget(commands.xtrim(key, 'MINID', `${time}-${Number(sequence) + 1}`));
      } catch (error) {
        if (this.#closed) return;
        this.#note(error as Error);
        await new Promise(resolve => setTimeout(resolve, 100));
      }
    }
  }

  #receive(fields: readonly Buffer[]): void {
    const entry = new Map<string, Buffer>();
    for (let i = 0; i + 1 < fields.length; i += 2)
      entry.set((fields[i] as Buffer).toString(), fields[i + 1] as Buffer);
    const flight = this.#open.get(Number(entry.get('chunk')?.toString()));
    // Late news of a chunk that was given up.
    if (!flight) return;
    const worker = entry.get('worker');
    if (worker) {
      flight.worker = worker.toString();
      flight.inputs = undefined;
      flight.lastBeat = this.#roster.beatOf(flight.worker)?.beat ?? 0;
    }
    const payload = entry.get('reports');
    if (payload) this.#receiveReports(flight, payload);
  }

  #receiveReports(flight: Flight, bytes: Buffer): void {
    const { subscriber } = flight;
    const { maxMessage } = this.#options;
    try {
      if (bytes.length > maxMessage) throw new MessageError(tooLarge(bytes, maxMessage));
      const { from, reports, end } = readReports(bytes);
      // Sent twice, as the connection broke before Redis could answer.
      if (from < flight.settled) return;
      if (from > flight.settled) throw new MessageError('reports are missing');
      for (const message of reports) {
        if (flight.settled + message.count > flight.length)
          throw new MessageError('it reports more than it was sent');
        flight.settled += message.count;
        subscriber.next(reportOf(message));
        if (!this.#open.has(flight.id)) return;
      }
      if (end) this.#receiveEnd(flight, end);
    } catch (error) {
      const why = `the reports of the worker ${this.#roster.placeOf(flight.worker)} were rejected: ${(error as Error).message}`;
      warnOfRejected(why);
      this.#lose(flight, why);
    }
  }

  #receiveEnd(flight: Flight, end: ChunkEnd): void {
    if (end.kind === 'undefined') flight.run.sent = false;
    this.#end(flight, errorOf(end, this.#roster.placeOf(flight.worker)));
  }

  #lose(flight: Flight, reason: string): void {
    this.#end(flight, new WorkerLostError({ exitCode: undefined, reason }));
  }

  /** Says that this client is there, and looks who else is. */
  async #beat(): Promise<void> {
    if (!this.#timer) return;
    const { commands, ready } = this.#link as Link;
    const late = this.#roster.watch(addressOf(commands));
    if (late) for (const flight of [...this.#open.values()]) this.#end(flight, late);
    if (!this.#timer || this.#beating) return;
    this.#beating = true;
    try {
      const queue = await ready;
      if (!this.#timer) return;
      this.#sayAlive(commands);
      if (this.#beats % PROLONG_AFTER === PROLONG_AFTER - 1) this.#prolong(commands);
      this.#beats += 1;
      const found = await commands.parforWorkers(this.#keys.workers, this.#keys.worker(''));
      this.#roster.heard();
      if (!this.#timer) return;
      this.#meet(found);
      if (this.#beats % LOOK_FOR_WAITING !== 0) return;
      await this.#lookForWaiting(queue);
      await this.#clearAway(queue);
    } catch (error) {
      this.#note(error as Error);
    } finally {
      this.#beating = false;
    }
  }

  #sayAlive(commands: ScriptedRedis): void {
    const beat: ClientBeat = {
      last: this.#lastChunk,
      open: [...this.#open.keys()],
      lastRun: this.#lastRun,
      runs: [...this.#activeRuns].map(({ id }) => id),
    };
    this.#forget(commands.set(this.#keys.client(this.#id), JSON.stringify(beat), 'PX', LIFETIME.client));
  }

  /** What waits for longer must not expire. */
  #prolong(commands: ScriptedRedis): void {
    this.#forget(commands.pexpire(this.#keys.reports(this.#id), LIFETIME.payload));
    for (const run of this.#activeRuns)
      commands.pexpire(this.#keys.definition(this.#id, run.id), LIFETIME.payload).then(
        found => {
          if (found === 0) run.sent = false;
        },
        () => undefined,
      );
    for (const flight of this.#open.values())
      if (!flight.worker)
        this.#forget(commands.pexpire(this.#keys.inputs(this.#id, flight.id), LIFETIME.payload));
  }

  /** Takes note of the workers that are there, and of the chunks that they have no more. */
  #meet(found: readonly string[]): void {
    const changed = this.#roster.meet(found);
    for (const flight of [...this.#open.values()]) {
      if (!flight.worker) continue;
      const beat = this.#roster.beatOf(flight.worker);
      if (!beat) {
        flight.missed += 1;
        if (flight.missed >= MISSED_LOOKS)
          this.#lose(flight, `the worker ${this.#roster.placeOf(flight.worker)} is gone`);
        continue;
      }
      flight.missed = 0;
      if (beat.held.includes(jobId(this.#id, flight.id))) flight.denials = 0;
      else if (beat.beat !== flight.lastBeat) {
        flight.denials += 1;
        if (flight.denials >= DENIALS) this.#lose(flight, `the worker ${beat.place} has lost the chunk`);
      }
      flight.lastBeat = beat.beat;
    }
    if (changed) this.changes.next();
  }

  /** Sends again what Redis has lost before any worker took it. */
  async #lookForWaiting(queue: Queue): Promise<void> {
    const { commands } = this.#link as Link;
    for (const flight of [...this.#open.values()]) {
      if (flight.worker) continue;
      await flight.added;
      const found = await Promise.all([
        commands.exists(this.#keys.inputs(this.#id, flight.id)),
        commands.exists(queue.toKey(jobId(this.#id, flight.id))),
      ]);
      if (flight.worker || !this.#open.has(flight.id)) continue;
      flight.unfound = found.includes(0) ? flight.unfound + 1 : 0;
      if (flight.unfound < 2) continue;
      flight.unfound = 0;
      flight.run.sent = false;
      await this.#send(flight, queue);
    }
  }

  /** Removes the chunks of clients that died before any worker took them: a job has no time to live. */
  async #clearAway(queue: Queue): Promise<void> {
    const { commands } = this.#link as Link;
    const ids = await commands.lrange(queue.toKey('wait'), -FOREIGN_LOOKED_AT, -1);
    const jobs = ids.flatMap(id => {
      const client = clientOf(id);
      return client === undefined || client === this.#id ? [] : [{ id, client }];
    });
    const there = await Promise.all(jobs.map(({ client }) => commands.exists(this.#keys.client(client))));
    const left = jobs.filter((_, i) => there[i] === 0).map(({ id }) => id);
    // One whose thread is busy for long has not died: it may be back by the next look.
    await Promise.all(left.filter(id => this.#ownerless.has(id)).map(id => queue.remove(id)));
    this.#ownerless = new Set(left);
  }
}
