const TYPE = 'Session:';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The id that a writer's text for its session may stand for: the text itself, or what is in it when it is the id that the API has given
 * out, which is all that clients ever see of one.
 */
export function sessionIdIn(text: string): string {
  const decoded = Buffer.from(text, 'base64url').toString('utf8');
  if (!decoded.startsWith(TYPE) || Buffer.from(decoded, 'utf8').toString('base64url') !== text) return text;
  const id = decoded.slice(TYPE.length);
  return UUID.test(id) ? id : text;
}
