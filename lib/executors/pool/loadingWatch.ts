import process from 'node:process';

/** A module that has been loading for so long is named. */
const LIMIT_MS = 30_000;

/** Modules of which it was said that they take long to load. */
const told = new Set<string>();

/** Says that a module takes long to load: one whose top-level `await` never settles would keep a run waiting unseen. */
export class LoadingWatch {
  #module: string | undefined;
  #elapsed = 0;

  /**
   * Takes note of what a worker loads now.
   * @param module its URL; `undefined` where it loads none
   * @param elapsed ms since the last look
   */
  look(module: string | undefined, elapsed: number): void {
    this.#elapsed = module === this.#module ? this.#elapsed + elapsed : 0;
    this.#module = module;
    if (module === undefined || this.#elapsed < LIMIT_MS || told.has(module)) return;
    told.add(module);
    process.emitWarning(
      `a worker has been loading ${module} for ${LIMIT_MS / 1_000} s, and its run waits for that; look for an \`await\` or a loop of the module that does not end, unsubscribe, or give the run a \`timeout\``,
      { type: 'SlowModuleWarning', code: 'RX_PARFOR_SLOW_MODULE' },
    );
  }
}
