import { execFile } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { project } from './project.js';

const execute = promisify(execFile);

/** The package as it would be published. */
export interface Packed {
  readonly tarball: string;
  /** The files in it. */
  readonly paths: readonly string[];
}

/** Packs what is built, into a folder. */
export async function pack(folder: string): Promise<Packed> {
  // Without scripts: `prepack` would build anew below the feet of the specs that run now.
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const { stdout } = await execute('npm', args, { cwd: project, shell: process.platform === 'win32' });
  const [{ filename, files }] = JSON.parse(stdout);
  return {
    tarball: join(folder, filename),
    paths: files.map(({ path }: { path: string }) => path),
  };
}

/** Installs a tarball of this package into a folder; other packages are linked from this project, as nothing is downloaded. */
export async function install({ tarball }: Packed, folder: string, others: readonly string[]): Promise<void> {
  const modules = join(folder, 'node_modules');
  mkdirSync(modules, { recursive: true });
  await execute('tar', ['-xzf', tarball, '-C', modules]);
  renameSync(join(modules, 'package'), join(modules, 'rx-parfor'));
  for (const name of others) {
    const link = join(modules, name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(project, 'node_modules', name), link, 'junction');
  }
}
