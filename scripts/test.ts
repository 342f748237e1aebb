import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresFolder } from '../test/support/postgres.ts';
import { findProgram } from '../test/support/processes.ts';
import { installNeo4j } from './neo4j/install.ts';

/**
 * Runs every check and every suite, and ends with one line that counts both. `--long` runs the long
 * campaigns instead. Anything else is passed on to jest, to run part of the suites without the checks.
 */
interface Count {
  passed: number;
  failed: number;
}

const minutes = 60_000;
const args = process.argv.slice(2);
const long = args.includes('--long');
const chosen = args.filter((arg) => arg !== '--long');
const node = process.execPath;
const bin = (name: string) => join('node_modules', '.bin', name);

const checks: readonly [string, string, string[]][] = [
  ['lint', bin('biome'), ['check', '--diagnostic-level=error']],
  ['types', bin('tsc'), ['--noEmit']],
  ['layers', node, [bin('depcruise'), '--config', '.dependency-cruiser.cjs', '--output-type', 'err', 'src']],
];

const total: Count = { passed: 0, failed: 0 };
ensureServers();
await ensureNeo4j();
if (!long && chosen.length === 0) {
  for (const [name, command, parameters] of checks) {
    const passed = (await run(command, parameters, 5 * minutes)) === 0;
    console.log(`${passed ? 'passed' : 'FAILED'}: ${name}`);
    add(passed ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });
  }
}
add(await runJest());
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;

function add({ passed, failed }: Count): void {
  total.passed += passed;
  total.failed += failed;
}

/** The suites run against real servers; on Debian, root gets what is missing. */
function ensureServers(): void {
  const missing = () => [
    ...(isThere(postgresFolder) ? [] : ['postgresql']),
    ...(findProgram('redis-server', ['/usr/bin', '/usr/local/bin']) === undefined ? ['redis-server'] : []),
  ];
  const packages = missing();
  if (packages.length === 0) return;
  if (process.getuid?.() === 0 && findProgram('apt-get') !== undefined) {
    console.log(`Installing ${packages.join(' and ')} ...`);
    const apt = (...parameters: string[]) => {
      const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
      return spawnSync('apt-get', ['-qq', ...parameters], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    };
    apt('update');
    apt('install', '-y', '--no-install-recommends', ...packages);
  }
  const still = missing();
  if (still.length === 0) return;
  console.error(`The tests need ${still.join(' and ')} installed on this machine.`);
  console.log('0 passed, 1 failed');
  process.exit(1);
}

/** Neo4j comes from Maven, once per machine. Without it the run fails: its suites must not be passed over. */
async function ensureNeo4j(): Promise<void> {
  try {
    await installNeo4j();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.log('0 passed, 1 failed');
    process.exit(1);
  }
}

function isThere(find: () => string): boolean {
  try {
    return find() !== '';
  } catch {
    return false;
  }
}

async function runJest(): Promise<Count> {
  const folder = mkdtempSync(join(tmpdir(), 'palinode-results-'));
  const file = join(folder, 'results.json');
  const parameters = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
  const env = { ...process.env, ...(long ? { PALINODE_LONG: '1' } : {}) };
  const limit = long ? 24 * 60 * minutes : 60 * minutes;
  const status = await run(node, [...parameters, '--json', '--outputFile', file, ...chosen], limit, env);
  try {
    return countOf(status, JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface JestResults {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

/** A suite that could not run, and a run that failed without saying where, count as one failure each. */
function countOf(status: number, results: JestResults): Count {
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  return { passed: results.numPassedTests, failed: status !== 0 && failed === 0 ? 1 : failed };
}

/** Runs a command with its output shown (jest's JSON aside); its exit status, or 1 when it took too long. */
function run(command: string, parameters: readonly string[], limit: number, env = process.env): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, parameters, { stdio: ['ignore', 'inherit', 'inherit'], env, timeout: limit });
    child.once('error', (error) => {
      console.error(error.message);
      resolve(1);
    });
    child.once('exit', (code, signal) => {
      if (signal !== null) console.error(`${command} was ended after ${limit / minutes} minutes`);
      resolve(code ?? 1);
    });
  });
}
