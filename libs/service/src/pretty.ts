// A log line for people: time, level, service, message and fields on one line.
import { styleText } from 'node:util';

const colours = { fatal: 'red', error: 'red', warn: 'yellow', info: 'green', debug: 'gray', trace: 'gray' } as const;
/** The longest level and service. */
const levelWidth = 5;
const serviceWidth = 9;
/** What needs no quotes: ids, codes, routes, numbers. */
const plain = /^[\w.:/@+-]+$/;

/**
 * A JSON line of the log as a readable one, with the time of this machine's zone and, where standard output is a terminal, colours. `service` is left out where it is
 * the one that the reader knows already. A line that is no log line comes back as it is.
 */
export function prettyLine(line: string, { knownService }: { knownService?: string } = {}): string {
  const entry = parse(line);
  if (!entry) return line.trimEnd();
  const { time, level, service, msg, ...fields } = entry;
  const colour = colours[level as keyof typeof colours] ?? 'reset';
  const told = Object.entries(fields).map(([name, value]) => `${name}=${shown(value)}`).join(' ');
  return [
    clock(String(time)),
    paint(colour, String(level).padEnd(levelWidth)),
    ...(service === knownService ? [] : [String(service).padEnd(serviceWidth)]),
    String(msg),
    ...(told === '' ? [] : [paint('gray', told)]),
  ].join(' ');
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry = JSON.parse(line) as Record<string, unknown>;
    return 'time' in entry && 'level' in entry && 'msg' in entry ? entry : undefined;
  } catch {
    return undefined;
  }
}

/** JSON escapes what could steer a terminal. */
function shown(value: unknown): string {
  return typeof value === 'string' && plain.test(value) ? value : JSON.stringify(value);
}

function clock(time: string): string {
  const at = new Date(time);
  const [hours, minutes, seconds] = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0'));
  return `${hours}:${minutes}:${seconds}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}

function paint(format: Parameters<typeof styleText>[0], text: string): string {
  return styleText(format, text, { stream: process.stdout });
}
