import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { engines, type OpenedEngine } from '../../support/engines.ts';
import { freePort } from '../../support/processes.ts';
import { type Service, startService } from '../../support/service.ts';
import { openStream } from '../../support/stream-reader.ts';
import { endService } from '../../support/suite-end.ts';

describe.each(engines)('a graph elsewhere that does not answer, on %s', (_, open) => {
  let engine: OpenedEngine;
  let service: Service;
  let port: number;
  beforeAll(async () => {
    engine = await open();
    port = await freePort();
    const away = { name: 'away', kind: 'neo4j', url: `bolt://127.0.0.1:${port}`, attach: false } as const;
    const unset = { user: undefined, password: undefined, database: undefined, keyProperty: undefined };
    service = await startService(engine.database, { graphs: [{ ...away, ...unset, derivedProperties: [] }] });
  });
  afterAll(() => endService(service, engine));

  const captureError = async (): Promise<string | null> =>
    (await service.client.data('{ graph(name: "away") { capture { error } } }')).graph.capture.error;

  test('is told to queries as CAPTURE_OFF before it is attached, and to mutations as a CaptureError', async () => {
    const { data, errors } = await service.client.request('{ graph(name: "away") { nodes { nodes { key } } } }');
    expect(data?.graph ?? null).toBeNull();
    expect(errors).toMatchObject([
      { message: expect.stringContaining('attachGraph'), extensions: { code: 'CAPTURE_OFF', mode: 'OFF' } },
    ]);
    expect(await service.refused('createRollbackPoint', { graph: 'away', name: 'p' })).toMatchObject({
      __typename: 'CaptureError',
      code: 'CAPTURE_UNAVAILABLE',
      mode: 'OFF',
    });
  });

  test('has its trouble followed by captureProgress', async () => {
    await engine.database.query(`UPDATE graphs SET capture_mode = 'CONTINUOUS' WHERE name = 'away'`);
    while ((await captureError()) === null) await sleep(50);
    const refused = await captureError();
    const stream = openStream(
      'sse',
      service.http.url,
      'subscription { captureProgress(graph: "away") { mode error } }',
    );
    await stream.until(1);
    const garbled = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1');
    try {
      await stream.until(2);
    } finally {
      garbled.close();
      stream.cut();
    }
    const told = stream.received.map(({ data }) => data.captureProgress);
    expect(told).toEqual([
      { mode: 'CONTINUOUS', error: refused },
      { mode: 'CONTINUOUS', error: expect.any(String) },
    ]);
    expect(told[1].error).not.toBe(refused);
  });
});
