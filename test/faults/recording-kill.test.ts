import { describeKillsWhileRecording } from '../support/recording-kills.ts';

describeKillsWhileRecording(5, 1200, 240_000);
