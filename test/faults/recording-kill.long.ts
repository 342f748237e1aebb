import { describeKillsWhileRecording } from '../support/recording-kills.ts';

describeKillsWhileRecording(60, 4000, 1_800_000);
