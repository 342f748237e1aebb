import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SettingError } from '../../src/main/setting-error.ts';
import { readSettings } from '../../src/main/settings.ts';

let folder: string;
const config = (content: unknown) => {
  const path = join(folder, 'config.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'settings-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('without any setting: loopback, PGlite, in memory, one empty graph named demo', () => {
  expect(readSettings({}, '/srv')).toEqual({
    host: '127.0.0.1',
    port: 4000,
    dataFolder: '/srv/.palinode',
    databaseUrl: undefined,
    redisUrls: [],
    graphs: [{ name: 'demo', kind: 'embedded' }],
    auth: 'off',
    sample: 'none',
  });
});

test('an empty variable is an absent one', () => {
  expect(readSettings({ PORT: '', DATABASE_URL: '', PALINODE_CONFIG: '' }).port).toBe(4000);
});

test('the sample is loaded under npm start, unless told otherwise or a file names the graphs', () => {
  const start = { npm_lifecycle_event: 'start' };
  const file = { PALINODE_CONFIG: config({ graphs: [{ name: 'one', kind: 'embedded' }] }) };
  expect(readSettings(start).sample).toBe('wordnet');
  expect(readSettings({ ...start, PALINODE_SAMPLE: 'none' }).sample).toBe('none');
  expect(readSettings({ ...start, ...file }).sample).toBe('none');
  expect(readSettings({ ...start, ...file, PALINODE_SAMPLE: 'wordnet' }).sample).toBe('wordnet');
});

test('servers are read as given, several separated by commas', () => {
  const settings = readSettings({
    DATABASE_URL: 'postgresql://u:p@db/palinode',
    REDIS_URL: 'redis://a:6379,rediss://b:6379',
  });
  expect(settings.databaseUrl).toBe('postgresql://u:p@db/palinode');
  expect(settings.redisUrls).toEqual(['redis://a:6379', 'rediss://b:6379']);
});

test('graphs come from the file', () => {
  const graphs = [
    { name: 'demo', kind: 'embedded' },
    { name: 'staging_2', kind: 'embedded' },
  ];
  expect(readSettings({ PALINODE_CONFIG: config({ graphs }) }).graphs).toEqual(graphs);
});

test.each(['localhost', '127.0.0.1', '127.1.2.3', '::1'])('%s is loopback', (host) => {
  expect(readSettings({ HOST: host }).host).toBe(host);
});

test.each<[Record<string, string>, RegExp]>([
  [{ PORT: 'http' }, /^PORT: must be a number from 0 to 65535$/],
  [{ PORT: '65536' }, /^PORT: must be a number from 0 to 65535$/],
  [{ PORT: '-1' }, /^PORT: /],
  [{ DATABASE_URL: 'mysql://db/x' }, /^DATABASE_URL: must be an address that starts with postgres:\/\//],
  [{ DATABASE_URL: 'db/x' }, /^DATABASE_URL: /],
  [
    { DATABASE_REPLICA_URLS: 'postgres://r/x' },
    /^DATABASE_REPLICA_URLS: read replicas are not served by this build yet$/,
  ],
  [{ DATABASE_REPLICA_URLS: 'postgres://r/x,' }, /^DATABASE_REPLICA_URLS: must be an address/],
  [{ REDIS_URL: 'redis://a,http://b' }, /^REDIS_URL: must be an address that starts with redis:\/\//],
  [{ PALINODE_AUTH: 'basic' }, /^PALINODE_AUTH: must be off or jwt$/],
  [{ PALINODE_AUTH: 'jwt' }, /^PALINODE_AUTH: jwt is not served by this build yet$/],
  [{ PALINODE_SAMPLE: 'movies' }, /^PALINODE_SAMPLE: must be wordnet or none$/],
  [{ PALINODE_ROLE: 'boss' }, /^PALINODE_ROLE: must be all, api, worker or monitor$/],
  [{ PALINODE_ROLE: 'worker' }, /^PALINODE_ROLE: worker is not served by this build yet$/],
  [
    { HOST: '0.0.0.0' },
    /^HOST: 0\.0\.0\.0 is reachable from outside, and this build knows no users yet: listen on 127/,
  ],
  [{ HOST: '127.0.0.1.example.org' }, /^HOST: /],
  [{ HOST: '::' }, /^HOST: /],
  [{ PALINODE_CONFIG: '/none/such.json' }, /^PALINODE_CONFIG: \/none\/such\.json cannot be read: ENOENT/],
])('%j is refused in one line that names it', (environment, line) => {
  expect(() => readSettings(environment)).toThrow(SettingError);
  expect(() => readSettings(environment)).toThrow(line);
});

test.each<[unknown, RegExp]>([
  ['{', /^PALINODE_CONFIG: \S+ cannot be read: /],
  [{}, /graphs: /],
  [{ graphs: [] }, /graphs: names no graph$/],
  [{ graphs: [{ name: 'Bad Name', kind: 'embedded' }] }, /graphs\.0\.name: must be 1 to 41/],
  [{ graphs: [{ name: 'a', kind: 'oracle' }] }, /graphs\.0\.kind: /],
  [{ graphs: [{ name: 'a', kind: 'embedded', colour: 1 }] }, /graphs\.0: .*colour/],
  [
    {
      graphs: [
        { name: 'a', kind: 'embedded' },
        { name: 'a', kind: 'embedded' },
      ],
    },
    /two graphs are named a$/,
  ],
  [{ graphs: [{ name: 'a', kind: 'neo4j', url: 'http://x' }] }, /graphs\.0\.url: must start with bolt/],
  [{ graphs: [{ name: 'a', kind: 'neo4j', url: 'bolt://ada:secret@x' }] }, /graphs\.0\.url: must not hold a password/],
  [{ graphs: [{ name: 'a', kind: 'neo4j', url: 'bolt://x', user: 'ada' }] }, /graphs\.0\.passwordEnv: is missing/],
  [{ graphs: [{ name: 'a', kind: 'neo4j', url: 'bolt://x', passwordEnv: 'P' }] }, /graphs\.0\.user: is missing/],
  [
    { graphs: [{ name: 'a', kind: 'neo4j', url: 'bolt://x', user: 'ada', passwordEnv: 'NO_SUCH' }] },
    /graphs\.0\.passwordEnv: the environment variable NO_SUCH is not set$/,
  ],
  [
    { graphs: [{ name: 'a', kind: 'neo4j', url: 'bolt://x', keyProperty: 'my-key' }] },
    /graphs\.0\.keyProperty: must be at/,
  ],
  [
    { graphs: [{ name: 'a', kind: 'neo4j', url: 'bolt://x', keyProperty: 'uuid', derivedProperties: ['uuid'] }] },
    /graphs\.0\.derivedProperties: uuid is the key property$/,
  ],
  [
    { graphs: [{ name: 'a', kind: 'neo4j', url: 'bolt://x', password: 'x' }] },
    /graphs\.0: Unrecognized key: "password"/,
  ],
])('a file with %j is refused in one line', (content, line) => {
  const environment = { PALINODE_CONFIG: config(content) };
  expect(() => readSettings(environment)).toThrow(line);
  expect(() => readSettings(environment)).toThrow(/^PALINODE_CONFIG: [^\n]+$/);
});

test('a neo4j graph takes its password from the variable that the file names', () => {
  const graph = {
    name: 'a',
    kind: 'neo4j',
    url: 'neo4j+s://graph.example',
    user: 'ada',
    passwordEnv: 'GRAPH_PASSWORD',
  };
  const environment = { PALINODE_CONFIG: config({ graphs: [{ ...graph, attach: true }] }), GRAPH_PASSWORD: 'secret' };
  expect(readSettings(environment).graphs).toEqual([
    { name: 'a', kind: 'neo4j', url: graph.url, user: 'ada', password: 'secret', derivedProperties: [], attach: true },
  ]);
});
