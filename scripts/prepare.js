// Runs before `npm start`, `npm test` and the like, on whatever Node is there (20 or newer) and with nothing
// installed: brings node_modules and the generated code up to date. Does nothing, quickly, when they are.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.palinode-prepared');
const generatedFiles = ['src/generated/prisma/client.ts', 'src/generated/pothos-prisma-types.ts'];

const wanted = {
  packages: hash('package-lock.json'),
  generated: hash('package-lock.json', 'prisma/schema.prisma', 'prisma.config.ts'),
};
const done = readStamp();
if (done.packages !== wanted.packages) {
  console.error('Installing packages ...');
  run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']);
  checkNode();
  stamp({ packages: wanted.packages });
}
if (done.generated !== wanted.generated || !generatedFiles.every((file) => existsSync(join(root, file)))) {
  run(join(modules, '.bin', 'prisma'), ['generate', '--no-hints']);
  stamp(wanted);
}

function hash(...files) {
  const sum = createHash('sha256');
  for (const file of files) sum.update(readFileSync(join(root, file)));
  return sum.digest('hex');
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch {
    return {};
  }
}

function stamp(state) {
  writeFileSync(stampFile, JSON.stringify(state));
}

/** Runs a command quietly; its output is shown when it fails. */
function run(command, args) {
  const path = [join(modules, '.bin'), process.env.PATH].join(delimiter);
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', env: { ...process.env, PATH: path } });
  if (result.status === 0) return;
  const reason = result.error ? result.error.message : `${result.stdout}${result.stderr}`.trim();
  console.error(`${reason}\n${command} ${args.join(' ')} failed.`);
  process.exit(1);
}

/** The service needs the Node that comes as a package; its install script puts it in place. */
function checkNode() {
  const version = () => spawnSync(join(modules, '.bin', 'node'), ['--version'], { encoding: 'utf8' }).stdout ?? '';
  if (version().startsWith('v24.')) return;
  run('npm', ['rebuild', 'node', '--loglevel=error']);
  if (version().startsWith('v24.')) return;
  console.error('The package node@24 could not install itself: its install script was not allowed to run.');
  process.exit(1);
}
