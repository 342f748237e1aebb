/** The path of a request's target as it came over the wire, which may be anything; empty when it is no path. */
export function pathOf(target: string | undefined): string {
  return URL.parse(target ?? '/', 'http://localhost')?.pathname ?? '';
}
