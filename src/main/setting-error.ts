/** A setting that makes no sense. The message is one line that names it. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
  readonly setting: string;

  constructor(setting: string, problem: string) {
    super(`${setting}: ${problem}`.replaceAll(/\s*\n\s*/g, ' '));
    this.setting = setting;
  }
}
