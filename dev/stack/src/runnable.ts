/** The blocks of a document that are meant to be run: fenced as `sh runnable`, in their order, each with the sentence that stands before it. */
import { readFileSync } from 'node:fs';

export type Block = { claim: string; script: string };

export function runnableBlocks(path: string): Block[] {
  const blocks: Block[] = [];
  let claim = '';
  let script: string[] | undefined;
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (script !== undefined && line.startsWith('```')) {
      blocks.push({ claim, script: script.join('\n') });
      script = undefined;
    } else if (script !== undefined) script.push(line);
    else if (/^```sh runnable\b/.test(line)) script = [];
    else if (line.trim() !== '') claim = line;
  }
  return blocks;
}

/** For `bash -e`, which takes no notice of a `! command` that fails. */
export function strict(script: string): string {
  return script.split('\n').map((line) => (line.startsWith('! ') ? `if ${line.slice(2)}; then echo 'should fail, and does not: ${line.replaceAll("'", '"')}' >&2; exit 1; fi` : line)).join('\n');
}
