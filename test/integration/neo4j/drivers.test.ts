import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { installNeo4j } from '../../../scripts/neo4j/install.ts';
import { startTestNeo4j, type TestNeo4j } from '../../support/neo4j.ts';
import { Neo4jService } from '../../support/neo4j-service.ts';
import { runFolder } from '../../support/processes.ts';

const run = promisify(execFile);
const document = readFileSync('docs/neo4j-sessions.md', 'utf8');

/** The example of a language, as the document shows it. */
function example(language: string): string {
  const found = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(document)?.[1];
  if (found === undefined) throw new Error(`docs/neo4j-sessions.md has no example in ${language}`);
  return found;
}

/** The driver for Python, in an environment of its own outside the tree that stays for the next run. */
async function python(): Promise<string> {
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'palinode', 'python-neo4j-6');
  const program = join(folder, 'bin', 'python');
  const works = () => existsSync(program) && spawnSync(program, ['-c', 'import neo4j']).status === 0;
  if (works()) return program;
  mkdirSync(folder, { recursive: true });
  await run('python3', ['-m', 'venv', '--clear', folder]);
  await run(program, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', 'neo4j>=5.26,<7']);
  if (!works()) throw new Error(`the neo4j package for Python cannot be imported in ${folder}`);
  return program;
}

describe('the examples for users of drivers', () => {
  let neo4j: TestNeo4j;
  let service: Neo4jService;

  beforeAll(async () => {
    neo4j = await startTestNeo4j();
    service = await Neo4jService.open(neo4j.url, { attach: true });
    await service.until('CONTINUOUS', 100);
  }, 300_000);
  afterAll(async () => {
    await service?.close();
    await neo4j?.stop();
  });

  async function captured(): Promise<unknown> {
    await service.point('everything before is recorded');
    const query = `{ graph(name: "g") { transactions(last: 1) { nodes { actor source session { name actor } changeCount } } } }`;
    return (await service.client.data(query)).graph.transactions.nodes[0];
  }
  const expected = {
    actor: 'crawler',
    source: 'BOLT',
    session: { name: 'crawl-17', actor: 'crawler' },
    changeCount: '1',
  };

  test('JavaScript', async () => {
    const folder = mkdtempSync(join(runFolder(), 'javascript-'));
    symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'example.mjs'), example('javascript'));
    const env = { ...process.env, NEO4J_URI: neo4j.url, NODE_OPTIONS: '' };
    await run(process.execPath, [join(folder, 'example.mjs')], { env });
    expect(await captured()).toEqual(expected);
  });

  test('Python', async () => {
    await run(await python(), ['-c', example('python')], { env: { ...process.env, NEO4J_URI: neo4j.url } });
    expect(await captured()).toEqual(expected);
  }, 300_000);

  test('Java', async () => {
    // The server's own libraries have the driver among them.
    const { plainClassPath } = await installNeo4j();
    const file = join(mkdtempSync(join(runFolder(), 'java-')), 'Example.java');
    const imports = ['java.util.Map', 'org.neo4j.driver.GraphDatabase', 'org.neo4j.driver.TransactionConfig'];
    writeFileSync(
      file,
      `${imports.map((name) => `import ${name};\n`).join('')}class Example {\npublic static void main(String[] arguments) {\n${example('java')}}\n}\n`,
    );
    await run('java', ['-cp', plainClassPath, file], { env: { ...process.env, NEO4J_URI: neo4j.url } });
    expect(await captured()).toEqual(expected);
  }, 300_000);

  test('a name that several transactions of one actor use is one session', async () => {
    const { graph } = await service.client.data(
      '{ graph(name: "g") { sessions(first: 10) { nodes { name actor summary { nodesCreated } } } } }',
    );
    expect(graph.sessions.nodes).toEqual([{ name: 'crawl-17', actor: 'crawler', summary: { nodesCreated: '3' } }]);
  });
});
