import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { physicalCores } from '../../../lib/executors/physicalCores.js';

const scratch = mkdtempSync(join(tmpdir(), 'rx-parfor-cores-'));
test.after(() => rmSync(scratch, { recursive: true, force: true }));

type Tree = Record<string, string>;

/** Counts the cores of a made-up machine, given as the text of each file. */
function coresOf(...trees: Tree[]): number {
  const root = mkdtempSync(join(scratch, 'root-'));
  for (const [path, text] of Object.entries(Object.assign({}, ...trees) as Tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return physicalCores(root);
}

const affinity = (list: string): Tree => ({
  'proc/self/status': `Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t${list}\nMems_allowed_list:\t0\n`,
});

/** `count` CPUs whose siblings are `count / 2` apart, as Intel and AMD number them, or none at all. */
function topology(count: number, hyperthreads = false): Tree {
  const half = count / 2;
  return Object.fromEntries(
    Array.from({ length: count }, (_, cpu) => [
      `sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`,
      hyperthreads ? `${cpu % half},${(cpu % half) + half}\n` : `${cpu}\n`,
    ]),
  );
}

const sixteen: Tree = { ...affinity('0-15'), ...topology(16) };

const v2Mount: Tree = {
  'proc/self/mountinfo':
    '22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n' +
    '31 22 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n',
};

const v1Mount = (root: string, point = '/sys/fs/cgroup/cpu,cpuacct'): Tree => ({
  'proc/self/mountinfo':
    `40 31 0:35 ${root} /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n` +
    `32 31 0:29 ${root} /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n` +
    `33 31 0:30 ${root} ${point} ro,nosuid master:11 - cgroup cgroup rw,cpu,cpuacct\n`,
});

const v1Quota = (folder: string, quota: number, period = 100_000): Tree => ({
  [`${folder}/cpu.cfs_quota_us`]: `${quota}\n`,
  [`${folder}/cpu.cfs_period_us`]: `${period}\n`,
});

test('counts hyperthread siblings once', () => {
  assert.is(coresOf(affinity('0-15'), topology(16, true)), 8);
  assert.is(coresOf(affinity('0-15'), topology(16)), 16);
});

test('counts only what the affinity mask allows', () => {
  assert.is(coresOf(affinity('0-2,5'), topology(16)), 4);
  assert.is(coresOf(affinity('3'), topology(16)), 1);
});

test('counts a core of which only some hyperthreads are allowed', () => {
  assert.is(coresOf(affinity('0-3'), topology(16, true)), 4, 'four cores, one thread of each');
  assert.is(coresOf(affinity('0,1,8,9'), topology(16, true)), 2, 'two cores, both threads');
  assert.is(coresOf(affinity('0,8,9'), topology(16, true)), 2);
});

test('tells adjacent siblings and sibling ranges apart', () => {
  const siblings = ['0-1', '0-1', '2-3', '2-3', '4', '5'];
  const tree = Object.fromEntries(
    siblings.map((list, cpu) => [`sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`, list]),
  );
  assert.is(coresOf(affinity('0-5'), tree), 4, 'as on hybrid processors');
});

test('ignores CPUs of the mask that are not there', () => {
  assert.is(coresOf(affinity('0-127'), topology(4)), 4);
  assert.is(coresOf(affinity('0-127'), { 'sys/devices/system/cpu/online': '0-5\n' }), 6);
});

test('counts every allowed CPU where there is no topology', () => {
  assert.is(coresOf(affinity('0-6')), 7);
});

test('cgroup v2: the quota of its own group, rounded down, at least 1', () => {
  const at = (quota: string) =>
    coresOf(sixteen, v2Mount, {
      'proc/self/cgroup': '0::/app.slice/run\n',
      'sys/fs/cgroup/app.slice/run/cpu.max': quota,
    });
  assert.is(at('400000 100000\n'), 4);
  assert.is(at('250000 100000\n'), 2);
  assert.is(at('50000 100000\n'), 1);
  assert.is(at('60000 20000\n'), 3);
  assert.is(at('300000\n'), 3, 'the period is 100 ms unless it is given');
  assert.is(at('6400000 100000\n'), 16, 'more than there is');
});

test('cgroup v2: max is no limit', () => {
  const tree = { 'proc/self/cgroup': '0::/a\n', 'sys/fs/cgroup/a/cpu.max': 'max 100000\n' };
  assert.is(coresOf(sixteen, v2Mount, tree), 16);
});

test('cgroup v2: the smallest quota of the groups around it counts', () => {
  const nested = (outer: string, middle: string, inner: string) =>
    coresOf(sixteen, v2Mount, {
      'proc/self/cgroup': '0::/outer/middle/inner\n',
      'sys/fs/cgroup/outer/cpu.max': outer,
      'sys/fs/cgroup/outer/middle/cpu.max': middle,
      'sys/fs/cgroup/outer/middle/inner/cpu.max': inner,
      'sys/fs/cgroup/outer/elsewhere/cpu.max': '100000 100000',
    });
  assert.is(nested('300000 100000', 'max 100000', '800000 100000'), 3);
  assert.is(nested('800000 100000', '500000 100000', 'max 100000'), 5);
  assert.is(nested('max 100000', 'max 100000', '200000 100000'), 2);
});

test('cgroup v2: a parent counts where the cpu controller stops above the group', () => {
  const tree = { 'proc/self/cgroup': '0::/pod/container\n', 'sys/fs/cgroup/pod/cpu.max': '300000 100000\n' };
  assert.is(coresOf(sixteen, v2Mount, tree), 3);
});

test('cgroup v2: in a container, the root of the mount stands in for a path only the host knows', () => {
  const max = { 'sys/fs/cgroup/cpu.max': '200000 100000\n' };
  assert.is(coresOf(sixteen, v2Mount, max, { 'proc/self/cgroup': '0::/kubepods/pod1/abc\n' }), 2);
  assert.is(coresOf(sixteen, v2Mount, max, { 'proc/self/cgroup': '0::/\n' }), 2);
  const beside = { 'proc/self/cgroup': '0::/../sibling\n', 'sys/fs/sibling/cpu.max': '100000 100000\n' };
  assert.is(coresOf(sixteen, v2Mount, max, beside), 2, 'a group outside of the namespace');
  assert.is(coresOf(sixteen, v2Mount, max), 2, 'no /proc/self/cgroup');
});

test('cgroup v2: found at its usual places without mountinfo', () => {
  const group = { 'proc/self/cgroup': '0::/a\n' };
  assert.is(coresOf(sixteen, group, { 'sys/fs/cgroup/a/cpu.max': '200000 100000' }), 2);
});

test('cgroup v1: the quota of its own group, found through mountinfo', () => {
  const group = { 'proc/self/cgroup': '4:memory:/other\n3:cpu,cpuacct:/docker/abc\n2:cpuset:/\n0::/\n' };
  const at = (quota: number, period?: number) =>
    coresOf(sixteen, group, v1Mount('/'), v1Quota('sys/fs/cgroup/cpu,cpuacct/docker/abc', quota, period));
  assert.is(at(400_000), 4);
  assert.is(at(150_000), 1);
  assert.is(at(100_000, 50_000), 2);
  assert.is(at(-1), 16, 'no limit');
  assert.is(at(0, 0), 16, 'nonsense');
});

test('cgroup v1: the smallest quota of the groups around it counts', () => {
  const group = { 'proc/self/cgroup': '3:cpu,cpuacct:/pod/container\n' };
  const outer = v1Quota('sys/fs/cgroup/cpu,cpuacct/pod', 300_000);
  const inner = v1Quota('sys/fs/cgroup/cpu,cpuacct/pod/container', -1);
  assert.is(coresOf(sixteen, group, v1Mount('/'), outer, inner), 3);
});

test('cgroup v1: in a container whose own group is what is mounted', () => {
  const quota = v1Quota('sys/fs/cgroup/cpu,cpuacct', 200_000);
  const group = { 'proc/self/cgroup': '3:cpu,cpuacct:/docker/abc\n' };
  assert.is(coresOf(sixteen, group, v1Mount('/docker/abc'), quota), 2);
  assert.is(coresOf(sixteen, group, v1Mount('/docker/xyz'), quota), 2, 'a root that is not ours');
  assert.is(coresOf(sixteen, group, v1Mount('/../..'), quota), 2, 'a root outside of the namespace');
  const child = { 'proc/self/cgroup': '3:cpu,cpuacct:/docker/abc/child\n' };
  const below = v1Quota('sys/fs/cgroup/cpu,cpuacct/child', 100_000);
  assert.is(coresOf(sixteen, child, v1Mount('/docker/abc'), quota, below), 1);
});

test('cgroup v1: another container’s mount beside its own does not count', () => {
  const group = { 'proc/self/cgroup': '3:cpu:/docker/abc\n' };
  const mounts = {
    'proc/self/mountinfo':
      '1 0 0:1 /docker/xyz /other rw - cgroup cgroup rw,cpu\n' +
      '2 0 0:1 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n',
  };
  const quotas = { ...v1Quota('other', 100_000), ...v1Quota('sys/fs/cgroup/cpu/docker/abc', 300_000) };
  assert.is(coresOf(sixteen, group, mounts, quotas), 3);
});

test('cgroup v1: found at its usual places without mountinfo', () => {
  const group = { 'proc/self/cgroup': '1:cpu:/a\n' };
  assert.is(coresOf(sixteen, group, v1Quota('sys/fs/cgroup/cpu/a', 200_000)), 2);
  assert.is(coresOf(sixteen, group, v1Quota('sys/fs/cgroup/cpu,cpuacct/a', 300_000)), 3);
  assert.is(coresOf(sixteen, v1Quota('sys/fs/cgroup/cpu', 200_000)), 2);
});

test('reads mount points with blanks in them', () => {
  const group = { 'proc/self/cgroup': '1:cpu:/a\n' };
  const quota = v1Quota('my groups/cpu/a', 200_000);
  assert.is(coresOf(sixteen, group, v1Mount('/', '/my\\040groups/cpu'), quota), 2);
});

test('both versions mounted at once: the smaller quota counts', () => {
  const tree = {
    'proc/self/cgroup': '1:cpu:/a\n0::/b\n',
    'proc/self/mountinfo':
      '32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n' +
      '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n',
    'sys/fs/cgroup/unified/b/cpu.max': '500000 100000\n',
  };
  assert.is(coresOf(sixteen, tree, v1Quota('sys/fs/cgroup/cpu/a', 700_000)), 5);
  assert.is(coresOf(sixteen, tree, v1Quota('sys/fs/cgroup/cpu/a', 300_000)), 3);
});

test('a quota above the physical cores does not bring hyperthreads back', () => {
  const tree = { 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/cpu.max': '1200000 100000\n' };
  assert.is(coresOf(affinity('0-15'), topology(16, true), v2Mount, tree), 8);
});

test('garbage never throws', () => {
  const fallback = availableParallelism();
  const nonsense = '\0:::\n- - -\n9-1,x,-3,0-99999999999999\n';
  assert.is(coresOf({}), fallback);
  assert.is(physicalCores(join(scratch, 'nowhere')), fallback);
  assert.is(coresOf(affinity('')), fallback);
  assert.is(coresOf(affinity('eight')), fallback);
  assert.is(coresOf(affinity('7-3')), fallback);
  assert.is(coresOf({ 'proc/self/status/is/a/folder': '' }), fallback);
  assert.is(
    coresOf({
      'proc/self/status': nonsense,
      'proc/self/cgroup': nonsense,
      'proc/self/mountinfo': nonsense,
      'sys/fs/cgroup/cpu.max': nonsense,
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': nonsense,
    }),
    fallback,
  );
  for (const max of ['', 'max', 'NaN 0', '-1 100000', '100000 0', '0 100000', 'max max']) {
    assert.is(coresOf(sixteen, v2Mount, { 'sys/fs/cgroup/cpu.max': max }), 16, JSON.stringify(max));
  }
  const siblings = { 'sys/devices/system/cpu/cpu0/topology/thread_siblings_list': nonsense };
  assert.is(coresOf(affinity('0-3'), siblings), 4);
});

test('this machine: an integer between 1 and the number of its CPUs', () => {
  const cores = physicalCores();
  assert.ok(Number.isInteger(cores), `${cores}`);
  assert.ok(cores >= 1 && cores <= Math.max(1, cpus().length), `${cores}`);
});

test('this machine: one core when pinned to one CPU', () => {
  if (process.platform !== 'linux') return;
  const cpu = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const module = new URL('../../../lib/executors/physicalCores.js', import.meta.url).href;
  const script = `import { physicalCores } from ${JSON.stringify(module)}; console.log(String(physicalCores()));`;
  const node = [process.execPath, '--input-type=module', '--eval', script];
  const child = spawnSync('taskset', ['-c', cpu, ...node], { encoding: 'utf8' });
  // Where there is no taskset there is nothing to see.
  if (child.error && 'code' in child.error && child.error.code === 'ENOENT') return;
  assert.is(child.stdout.trim(), '1', child.stderr);
});

test.run();
