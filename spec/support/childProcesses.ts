import { readdirSync, readFileSync } from 'node:fs';

/** The living children of a process, from /proc; none where there is no /proc. */
export function childProcesses(of = process.pid): number[] {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  return names
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return state !== 'Z' && Number(parent) === of;
      } catch {
        return false;
      }
    });
}
