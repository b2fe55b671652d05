/** The gateway and the services under load with V8's CPU profiler: which packages and functions the time goes to, themselves. */
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { callNames, type CallName } from './calls.ts';
import type { Slice, SliceResult } from './load.ts';
import { start } from './processes.ts';
import { startKiosk } from './subjects.ts';
import { table } from './table.ts';

const concurrency = 16;
const sampleEveryUs = 200;
const [mostPackages, mostFunctions] = [20, 25];
/** What V8 calls waiting. */
const idle = '(idle)';

type Node = { id: number; callFrame: { functionName: string; url: string; lineNumber: number }; children?: number[] };
type Profile = { nodes: Node[]; startTime: number; samples: number[]; timeDeltas: number[] };
/** µs of CLOCK_MONOTONIC, which V8's profiles are in as well. */
type Window = { call: CallName; fromUs: number; toUs: number };

/** Profiles each call in turn and gives the tables. The .cpuprofile files stay in `folder`, for Chrome's DevTools. */
export async function profileKiosk({ folder, storagePath, warmUpMs, measureMs }: {
  folder: string; storagePath: string; warmUpMs: number; measureMs: number;
}): Promise<string> {
  await Promise.all([folder, storagePath].map((path) => mkdir(path, { recursive: true })));
  const execArgv = ['--cpu-prof', `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${sampleEveryUs}`];
  const windows: Window[] = [];
  let pids: Readonly<Record<string, number>>;
  {
    await using kiosk = await startKiosk({ storagePath, execArgv });
    await using generator = await start({ file: new URL('./load.ts', import.meta.url), args: [String(kiosk.port)] });
    pids = kiosk.pids;
    for (const call of callNames) {
      const slice: Slice = { call, concurrency, warmUpMs, measureMs, pids };
      windows.push({ call, ...await generator.ask(slice) as SliceResult });
    }
  }
  const files = await readdir(folder);
  const profiles = await Promise.all(Object.entries(pids).map(async ([process, pid]) => {
    const file = files.find((name) => name.includes(`.${pid}.0.`));
    if (file === undefined) throw new Error(`${process} left no profile in ${folder}`);
    return { process, profile: JSON.parse(await readFile(join(folder, file), 'utf8')) as Profile };
  }));
  return windows.map((window) => tablesOf(window, profiles)).join('\n\n');
}

function tablesOf({ call, fromUs, toUs }: Window, profiles: { process: string; profile: Profile }[]): string {
  const byPackage = new Map<string, number>();
  const byFunction = new Map<string, number>();
  const byProcess = new Map<string, number>();
  let busy = 0;
  for (const { process, profile } of profiles) {
    const places = placesOf(profile);
    let at = profile.startTime;
    profile.samples.forEach((id, index) => {
      const us = profile.timeDeltas[index] ?? 0;
      at += us;
      const place = places.get(id);
      if (at < fromUs || at > toUs || !place || place.function === idle) return;
      busy += us;
      add(byProcess, process, us);
      add(byPackage, `${process}: ${place.package}`, us);
      add(byFunction, `${process}: ${place.function}`, us);
    });
  }
  const top = (what: string, map: Map<string, number>, most: number): string => table(
    [`${call}, ${concurrency} connections: self time by ${what}`, '%'],
    [...map].toSorted(([, a], [, b]) => b - a).slice(0, most).map(([name, us]) => [name, (100 * us / busy).toFixed(1)]),
  );
  return [top('process', byProcess, 4), top('package', byPackage, mostPackages), top('function', byFunction, mostFunctions)].join('\n\n');
}

function add(map: Map<string, number>, name: string, us: number): void {
  map.set(name, (map.get(name) ?? 0) + us);
}

/** What each node of a profile counts for. Native functions have no file: they count for the package that called them. */
function placesOf({ nodes }: Profile): Map<number, { package: string; function: string }> {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  return new Map(nodes.map((node) => {
    const { functionName, url, lineNumber } = node.callFrame;
    let owner: Node | undefined = node;
    while (owner && owner.callFrame.url === '') owner = byId.get(parents.get(owner.id) ?? -1);
    const name = functionName === '' ? '(anonymous)' : functionName;
    // (program) and (garbage collector) belong to nobody.
    if (!owner) return [node.id, { package: name, function: name }];
    const packageName = packageOf(owner.callFrame.url);
    const file = url.startsWith('node:') ? url : `${packageName}/${url.slice(url.lastIndexOf('/') + 1)}`;
    return [node.id, { package: packageName, function: url === '' ? `${name} [native] ← ${packageName}` : `${name} ${file}:${lineNumber + 1}` }];
  }));
}

function packageOf(url: string): string {
  // gRPC is HTTP/2, so the two halves of Node's own time tell the border outside from the one inside.
  if (url.startsWith('node:')) return url.includes('http2') ? 'node (http2)' : url.includes('http') ? 'node (http)' : 'node (rest)';
  const installed = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  const ours = /\/((?:services|libs)\/[^/]+)\//.exec(url)?.[1];
  return installed ?? ours ?? url;
}
