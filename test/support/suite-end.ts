import { expect } from '@jest/globals';
import type { OpenedEngine } from './engines.ts';
import type { Service } from './service.ts';

/** Ends a suite's service and what it is on. Whatever went wrong within has to have been expected by a test. */
export async function endService(service: Service, engine: OpenedEngine): Promise<void> {
  expect(service.reported).toEqual([]);
  await service.stop();
  await engine.close();
}
