/**
 * Follows a Dockerfile by hand, where no Docker engine is: each stage is a folder, COPY copies (through .dockerignore), RUN runs in a shell there. What the
 * Dockerfile forgets is then missing here too. The base image's own files are this machine's, so a step that needs another one is replaced.
 */
import dockerIgnoreModule from '@balena/dockerignore';
import { DockerfileParser, type Copy, type From, type Instruction, type JSONInstruction } from 'dockerfile-ast';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix, relative } from 'node:path';

// Its types describe another module format than the one it has.
const dockerIgnore = dockerIgnoreModule as unknown as typeof dockerIgnoreModule.default;

export interface Image extends Disposable {
  /** The last stage's file system. */
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly workDirectory: string;
  readonly command: readonly string[];
  readonly healthCheck: readonly string[];
  readonly user: string;
}

export type BuildOptions = {
  dockerfile: string;
  /** The folder that is built from, with its .dockerignore. */
  context: string;
  args: Readonly<Record<string, string>>;
  /** The stage that the image is; the last one unless it says so. */
  target?: string;
  /** Done in place of a RUN of exactly these words, in its stage's working directory. */
  instead: Readonly<Record<string, (workDirectory: string) => void>>;
};

type Stage = { root: string; env: Record<string, string>; args: Record<string, string>; workDirectory: string };

export function build({ dockerfile, context, args, target, instead }: BuildOptions): Image {
  const folder = mkdtempSync(join(tmpdir(), 'kiosk-image-'));
  const parsed = DockerfileParser.parse(readFileSync(dockerfile, 'utf8'));
  const stages = new Map<string, Stage>();
  let stage: Stage = { root: folder, env: {}, args: {}, workDirectory: '/' };
  const last = { command: [] as string[], healthCheck: [] as string[], user: 'root' };

  const inStage = (path: string): string => join(stage.root, posix.resolve(stage.workDirectory, path));
  const perform = (instruction: Instruction): void => {
    switch (instruction.getKeyword()) {
      case 'FROM': {
        const from = instruction as From;
        const base = stages.get(from.getImage() ?? '');
        const root = join(folder, from.getBuildStage() ?? String(stages.size));
        mkdirSync(root, { recursive: true });
        if (base) copyInto(base.root, root);
        stage = { root, env: { ...base?.env }, args: {}, workDirectory: base?.workDirectory ?? '/' };
        stages.set(from.getBuildStage() ?? String(stages.size), stage);
        return;
      }
      case 'ARG': {
        const [name = '', value] = plain(instruction).split('=');
        stage.args[name] = args[name] ?? expanded(value ?? '', stage);
        return;
      }
      case 'ENV':
        for (const [, name = '', value = ''] of expanded(plain(instruction), stage).matchAll(/(\w+)=(\S+)/g)) stage.env[name] = value;
        return;
      case 'WORKDIR':
        stage.workDirectory = posix.resolve(stage.workDirectory, expanded(plain(instruction), stage));
        mkdirSync(inStage('.'), { recursive: true });
        return;
      case 'COPY':
        return copy(instruction as Copy);
      case 'RUN': {
        const line = plain(instruction);
        const other = instead[line];
        if (other) return other(inStage('.'));
        execFileSync('sh', ['-ec', line], { cwd: inStage('.'), env: { ...process.env, ...stage.env, ...stage.args }, stdio: ['ignore', 'ignore', 'pipe'] });
        return;
      }
      case 'CMD':
        last.command = words(instruction as JSONInstruction);
        return;
      case 'HEALTHCHECK':
        last.healthCheck = JSON.parse(plain(instruction).replace(/^.*?CMD /, '')) as string[];
        return;
      case 'USER':
        last.user = plain(instruction);
        return;
      case 'LABEL':
      case 'STOPSIGNAL':
        return;
      default:
        throw new Error(`${instruction.getKeyword()} is not known here`);
    }
  };

  function copy(instruction: Copy): void {
    const from = fromOf(instruction);
    const paths = instruction.getArguments().map((argument) => expanded(argument.getValue(), stage));
    const target = paths.pop()!;
    for (const path of paths) {
      if (from) copyInto(join(stages.get(from)!.root, path), inStage(target));
      else copyFromContext({ context, path, target: inStage(target) });
    }
  }

  for (const instructions of neededStages(parsed.getInstructions(), target)) for (const instruction of instructions) perform(instruction);
  return {
    root: stage.root, env: stage.env, workDirectory: inStage('.'), ...last,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The instructions of those stages that the target is made from, stage by stage: an engine leaves out the others. */
function neededStages(instructions: readonly Instruction[], target: string | undefined): Instruction[][] {
  const stages: { name: string; instructions: Instruction[] }[] = [];
  for (const instruction of instructions) {
    if (instruction.getKeyword() === 'FROM') stages.push({ name: (instruction as From).getBuildStage() ?? String(stages.length), instructions: [] });
    stages.at(-1)?.instructions.push(instruction);
  }
  const needed = new Set([target ?? stages.at(-1)!.name]);
  // A stage refers to earlier ones only.
  for (const stage of stages.toReversed()) if (needed.has(stage.name)) for (const name of sourcesOf(stage.instructions)) needed.add(name);
  return stages.filter(({ name }) => needed.has(name)).map((stage) => stage.instructions);
}

/** The stages and images that a stage begins with or copies from. */
function sourcesOf(instructions: readonly Instruction[]): string[] {
  return instructions.flatMap((instruction) => {
    if (instruction.getKeyword() === 'FROM') return (instruction as From).getImage() ?? [];
    if (instruction.getKeyword() === 'COPY') return fromOf(instruction as Copy) ?? [];
    return [];
  });
}

function fromOf(instruction: Copy): string | undefined {
  return instruction.getFlags().find((flag) => flag.getName() === 'from')?.getValue() ?? undefined;
}

/** A folder's content into another, or a file. By cp, which takes a node_modules in a fraction of the time that Node does. */
function copyInto(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  if (statSync(source).isDirectory()) mkdirSync(target, { recursive: true });
  execFileSync('cp', ['-a', statSync(source).isDirectory() ? `${source}/.` : source, target]);
}

/** What git knows of the folder and .dockerignore lets through: a build server has a fresh clone. */
function copyFromContext({ context, path, target }: { context: string; path: string; target: string }): void {
  const ignored = dockerIgnore().add(readFileSync(join(context, '.dockerignore'), 'utf8'));
  const known = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', path], { cwd: context, encoding: 'utf8' }).split('\n');
  const files = known.filter((file) => file !== '' && !ignored.ignores(file) && existsSync(join(context, file)));
  if (files.length === 0) throw new Error(`COPY ${path}: nothing of that name reaches the builder`);
  for (const file of files) {
    const to = statSync(join(context, path)).isDirectory() ? join(target, relative(path, file)) : target;
    mkdirSync(dirname(to), { recursive: true });
    cpSync(join(context, file), to);
  }
}

/** The words after the keyword, continued lines joined. */
function plain(instruction: Instruction): string {
  return (instruction.getArgumentsContent() ?? '').replaceAll(/\\\n\s*/g, '').trim();
}

function words(instruction: JSONInstruction): string[] {
  return instruction.getJSONStrings().map((text) => JSON.parse(text.getValue()) as string);
}

function expanded(text: string, { args, env }: Stage): string {
  return text.replaceAll(/\$\{(\w+)\}|\$(\w+)/g, (_, braced: string | undefined, bare: string | undefined) => {
    const name = braced ?? bare!;
    const value = env[name] ?? args[name];
    if (value === undefined) throw new Error(`${name} has no value in this stage`);
    return value;
  });
}
