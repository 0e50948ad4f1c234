import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/**
 * Returns the number of physical cores that this process may use.
 *
 * That is the number of workers that numerical work gains from: two hyperthreads of one core share its
 * floating-point units, and workers beyond a container's CPU quota only make each other wait.
 *
 * - **Linux**: the CPUs in this process's affinity mask, hyperthread siblings counted once, but no more than
 *   the CPU quota (rounded down, at least 1) of its control group or of any group around it, cgroup v1 and v2
 *   alike.
 * - **macOS**: `hw.physicalcpu`.
 * - **elsewhere**, and wherever a file is missing or makes no sense: `os.availableParallelism()`, which
 *   counts hyperthreads.
 *
 * It never throws and never caches: what an administrator changes shows in the next call.
 *
 * The idea is that of joblib's `loky.cpu_count(only_physical_cores=True)` and of libuv's
 * `uv_available_parallelism()`. Unlike loky it rounds a fractional quota down, as libuv does (one worker too
 * many gets every one of them throttled), and tells hyperthreads apart also where the affinity is restricted.
 * Unlike the libuv of Node 20 it knows quotas.
 *
 * @param root A folder that stands for `/`, with `proc` and `sys` below it. For tests: unless it is `/`, it
 * is read as a Linux machine on every platform.
 * @return An integer, at least 1.
 */
export function physicalCores(root = '/'): number {
  if (process.platform === 'darwin' && root === '/') return darwinCores();
  const cores = linuxCores(root) ?? availableParallelism();
  return Math.max(1, Math.min(cores, Math.floor(cpuQuota(root))));
}

function darwinCores(): number {
  const logical = availableParallelism();
  try {
    const options: ExecFileSyncOptionsWithStringEncoding = {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 2000,
    };
    // The full path: a process that was started with an empty environment has no PATH.
    const cores = Number(execFileSync('/usr/sbin/sysctl', ['-n', 'hw.physicalcpu'], options));
    return Number.isInteger(cores) && cores >= 1 ? Math.min(cores, logical) : logical;
  } catch {
    return logical;
  }
}

/** The cores behind the CPUs of the affinity mask; `undefined` where the mask cannot be read. */
function linuxCores(root: string): number | undefined {
  const status = read(root, 'proc/self/status');
  const allowed = cpuList(/^Cpus_allowed_list:(.*)$/m.exec(status)?.[1] ?? '');
  if (allowed.length === 0) return undefined;

  const cpus = 'sys/devices/system/cpu';
  const seen = new Set<number>();
  let cores = 0;
  for (const cpu of allowed) {
    if (seen.has(cpu)) continue;
    const siblings = cpuList(read(root, cpus, `cpu${cpu}/topology/thread_siblings_list`));
    // The mask may name CPUs that are switched off or could be plugged in; they have no topology.
    if (siblings.length === 0) continue;
    cores++;
    for (const sibling of siblings) seen.add(sibling);
  }
  if (cores > 0) return cores;

  // No topology at all, as in some sandboxes: every CPU counts as a core.
  const online = new Set(cpuList(read(root, cpus, 'online')));
  return allowed.filter(cpu => online.has(cpu)).length || allowed.length;
}

/** The CPUs' worth of time that this process's control groups grant it; `Infinity` without a limit. */
function cpuQuota(root: string): number {
  const groups = read(root, 'proc/self/cgroup').split('\n').map(cgroup);
  const mounts = read(root, 'proc/self/mountinfo')
    .split('\n')
    .map(cgroupMount)
    .filter(mount => mount !== undefined);

  // A machine may have both versions mounted (systemd's "hybrid"), with the cpu controller in either.
  let quota = Infinity;
  for (const { of, usual, quotaOf } of hierarchies) {
    const path = groups.find(group => group && of(group))?.path ?? '/';
    const found = mounts.filter(of);
    const known = found.length > 0 ? found : usual.map(point => ({ root: '/', point }));
    const covering = known.filter(mount => isWithin(path, mount.root));
    // In a container the path may be one that only the host can resolve; what is mounted is then our group.
    for (const mount of covering.length > 0 ? covering : known.slice(0, 1)) {
      for (const folder of selfAndAncestors(mount, path)) quota = Math.min(quota, quotaOf(root, folder));
    }
  }
  return quota;
}

/** One line of `/proc/self/cgroup`: the group in which this process is, of one hierarchy. */
interface Cgroup {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  readonly path: string;
}

/** One cgroup line of `/proc/self/mountinfo`: which group (`root`) can be seen at which folder (`point`). */
interface CgroupMount {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  readonly root: string;
  readonly point: string;
}

interface Hierarchy {
  /** Returns true if a group or a mount belongs to this hierarchy. */
  of(entry: Pick<Cgroup, 'version' | 'controllers'>): boolean;
  /** The folder where it is mounted by custom, for when `mountinfo` does not say. */
  readonly usual: readonly string[];
  /** The quota that one group's folder sets; `Infinity` where it sets none. */
  quotaOf(root: string, folder: string): number;
}

const hierarchies: readonly Hierarchy[] = [
  {
    // https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
    of: entry => entry.version === 2,
    usual: ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'],
    quotaOf(root, folder) {
      const [quota = '', period = '100000'] = read(root, folder, 'cpu.max').trim().split(/\s+/);
      return ratio(quota, period);
    },
  },
  {
    // https://docs.kernel.org/scheduler/sched-bwc.html#management
    of: entry => entry.version === 1 && entry.controllers.includes('cpu'),
    usual: ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct'],
    quotaOf: (root, folder) =>
      ratio(read(root, folder, 'cpu.cfs_quota_us'), read(root, folder, 'cpu.cfs_period_us')),
  },
];

function cgroup(line: string): Cgroup | undefined {
  const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
  if (controllers === undefined || path === undefined) return undefined;
  return { version: controllers === '' ? 2 : 1, controllers: controllers.split(','), path };
}

function cgroupMount(line: string): CgroupMount | undefined {
  // 31 23 0:28 <root> <mount point> rw,relatime <any number of tags> - <type> <source> rw,cpu
  const [mount = '', filesystem = ''] = line.split(' - ');
  const [, , , root, point] = mount.split(' ');
  const [type, , options = ''] = filesystem.split(' ');
  if (root === undefined || point === undefined) return undefined;
  if (type !== 'cgroup' && type !== 'cgroup2') return undefined;
  return {
    version: type === 'cgroup2' ? 2 : 1,
    controllers: options.split(','),
    root: unescaped(root),
    point: unescaped(point),
  };
}

/** The kernel writes space, tab, newline and backslash in `mountinfo` as octal escapes. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function isWithin(path: string, ancestor: string): boolean {
  return path === ancestor || path.startsWith(ancestor.endsWith('/') ? ancestor : `${ancestor}/`);
}

/** The folders of a group and of the groups around it, as far up as the mount shows them. */
function selfAndAncestors(mount: Pick<CgroupMount, 'root' | 'point'>, path: string): string[] {
  const names = isWithin(path, mount.root) ? path.slice(mount.root.length).split('/').filter(Boolean) : [];
  // `/../sibling`: a group outside of this process's cgroup namespace, whose folder cannot be reached.
  if (names.includes('..')) return [mount.point];
  return [mount.point, ...names.map((_, depth) => [mount.point, ...names.slice(0, depth + 1)].join('/'))];
}

/** Quota over period; `Infinity` for `max`, for -1 (no limit in v1) and for what is not a number. */
function ratio(quota: string, period: string): number {
  const value = Number(quota) / Number(period);
  return value > 0 ? value : Infinity;
}

/** The numbers in a kernel CPU list such as `0-3,8,10-11`; what is not one gives none. */
function cpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .flatMap(part => {
      const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? [];
      if (first === undefined) return [];
      const length = Math.max(0, Number(last) - Number(first) + 1);
      return Array.from({ length }, (_, offset) => Number(first) + offset);
    });
}

/** The text of a file; empty where it cannot be read. */
function read(...path: string[]): string {
  try {
    return readFileSync(join(...path), 'utf8');
  } catch {
    return '';
  }
}
