import { engines } from '../support/engines.ts';
import { historyContract } from './history.contract.ts';
import { historyPlanningContract } from './history-planning.contract.ts';
import { historyRecordingContract } from './history-recording.contract.ts';

for (const [name, open] of engines) {
  historyContract(name, open);
  historyPlanningContract(name, open);
  historyRecordingContract(name, open);
}
