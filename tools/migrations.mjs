// `npm run migrations` writes down what each service's migrations are, in released.sha256 beside them; with --check it says what is wrong and changes nothing:
// a number that is missing or there twice, a migration that is not as it was written down, one that is not written down. A database that has applied a
// migration refuses another of the same number, so a migration that left this machine never changes. The folder may be named, for a test.
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [root = '.'] = process.argv.slice(2).filter((each) => each !== '--check');
const isCheck = process.argv.includes('--check');
const listName = 'released.sha256';

const problems = [];
for (const folder of globSync('services/*/migrations', { cwd: root }).toSorted()) {
  const files = readdirSync(join(root, folder)).filter((name) => name.endsWith('.sql')).toSorted();
  for (const [index, name] of files.entries()) {
    const expected = String(index + 1).padStart(4, '0');
    if (!/^\d{4}_[a-z0-9_]+\.sqlite\.sql$/.test(name)) problems.push(`${folder}/${name} is not called NNNN_words.sqlite.sql`);
    else if (!name.startsWith(expected)) {
      problems.push(`${folder}/${name} should be number ${expected}: ${files[index - 1]?.slice(0, 4) === name.slice(0, 4) ? `${files[index - 1]} has its number too; take the next free one` : 'one is missing'}`);
      break;
    }
  }
  const list = join(root, folder, listName);
  // As sha256sum writes and reads them.
  const listed = new Map(existsSync(list) ? readFileSync(list, 'utf8').trim().split('\n').map((line) => line.split('  ').toReversed()) : []);
  for (const [name, hash] of listed) {
    if (!files.includes(name)) problems.push(`${folder}/${name} was there and is gone: bring it back`);
    else if (hashOf(join(root, folder, name)) !== hash) problems.push(`${folder}/${name} has changed: bring it back as it was and put the change into a new migration. (If it has never left this machine, remove its line from ${listName}.)`);
  }
  const fresh = files.filter((name) => !listed.has(name));
  if (isCheck) problems.push(...fresh.map((name) => `${folder}/${name} is not in ${listName}: npm run migrations`));
  else if (fresh.length > 0) writeFileSync(list, [...listed, ...fresh.map((name) => [name, hashOf(join(root, folder, name))])].map(([name, hash]) => `${hash}  ${name}\n`).join(''));
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

function hashOf(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
