/** Documents lead where they say. */
import { expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

const workspace = join(import.meta.dirname, '..');
const documents = execFileSync('git', ['ls-files', '*.md'], { cwd: workspace, encoding: 'utf8' }).trim().split('\n');

/** As GitHub makes them: lower case, no punctuation, hyphens for blanks, numbered when they repeat. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutCode(markdown).matchAll(/^#{1,6} +(.+)$/gm)) {
    const slug = heading.replaceAll(/[`*]/g, '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase().replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, '').replaceAll(' ', '-');
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^(`{3,})[^\n]*\n[\s\S]*?^\1 *$/gm, '');
}

test.each(documents)('every link of %s leads somewhere', (document) => {
  const path = join(workspace, document);
  const markdown = readFileSync(path, 'utf8');
  const dead: string[] = [];
  for (const [, target = ''] of withoutCode(markdown).replaceAll(/`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [file = '', anchor] = target.split('#');
    const found = file === '' ? path : resolve(dirname(path), decodeURIComponent(file));
    if (!existsSync(found)) dead.push(target);
    else if (anchor !== undefined && statSync(found).isFile() && !anchorsOf(readFileSync(found, 'utf8')).has(decodeURIComponent(anchor))) dead.push(`${target} in ${relative(workspace, found)}`);
  }
  expect(dead).toEqual([]);
});
