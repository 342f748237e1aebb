import { hash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Neo4jError } from 'neo4j-driver';
import { CaptureError } from '../../../core/errors.ts';
import type { CaptureFinding } from '../../../ports/knowledge-graph.ts';
import type { Connection, Row, Statements } from '../connection.ts';
import { MARKER_LABEL, OUTBOX_LABEL } from '../names.ts';
import type { OwnMetadata } from '../own-metadata.ts';
import { gap, isDisabled, isUnavailable, NOT_FOUND, phaseOf } from './apoc-answers.ts';
import { outlastEarlier } from './earlier-transactions.ts';

export const TRIGGER_NAME = '_palinode';

/** APOC looks for new triggers once a minute unless told; beyond that something is wrong. */
const PATIENCE_MS = 150_000;
const LOOK_AGAIN_MS = 100;

const SYSTEM = 'system';

const PROCEDURES = ['apoc.cypher.doIt', 'apoc.lock.nodes', 'apoc.lock.rels', 'apoc.trigger.list'];
/** Those that the trigger calls: without one of them it would fail, and every commit with it. */
const FUNCTIONS = ['apoc.convert.toJson', 'apoc.map.fromPairs', 'apoc.text.format', 'apoc.util.sha256'];

/** What the trigger's statement has to be now. */
interface Text {
  readonly secretHash: string;
  readonly statement: string;
  /** SHA-256 of the statement, which is long. */
  readonly digest: string;
}

/** The trigger in a database: installing, looking after and removing it. */
export class TriggerInstallation {
  readonly #connection: Connection;
  readonly #graph: string;
  readonly #own: OwnMetadata;
  readonly #statementFor: (secretHash: string) => string;
  /** The last that was asked for. */
  #text: Text | null = null;
  /** Of the database. */
  #name: string | null = null;

  /** @param statementFor the statement for a secret, by its SHA-256 */
  constructor(connection: Connection, graph: string, own: OwnMetadata, statementFor: (secretHash: string) => string) {
    this.#connection = connection;
    this.#graph = graph;
    this.#own = own;
    this.#statementFor = statementFor;
  }

  /** @throws CaptureError that says what to set when triggers cannot be used */
  async check(): Promise<void> {
    const [component] = await this.#connection.read(
      `CALL dbms.components() YIELD name, versions WHERE name = 'Neo4j Kernel' RETURN versions[0] AS version`,
    );
    const version = String(component?.version ?? '');
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major < 5 || (major === 5 && minor < 26))
      throw this.#refusal(`Neo4j ${version} is too old: it takes 5.26 or later`);
    const show = async (what: 'PROCEDURES' | 'FUNCTIONS', names: readonly string[]): Promise<readonly string[]> =>
      (await this.#connection.read(`SHOW ${what} YIELD name WHERE name IN $names`, { names })).map(({ name }) =>
        String(name),
      );
    const found = [...(await show('PROCEDURES', PROCEDURES)), ...(await show('FUNCTIONS', FUNCTIONS))];
    const missing = [...PROCEDURES, ...FUNCTIONS].find((name) => !found.includes(name));
    if (missing !== undefined)
      throw this.#refusal(
        `${missing} is not there or not allowed: put the APOC plugin in the plugins folder, set dbms.security.procedures.unrestricted=apoc.* in neo4j.conf, and leave apoc.* out of no dbms.security.procedures.allowlist`,
      );
    await this.#shown();
  }

  /** Whether the trigger is there as it should be, without having changed anything. */
  async isInstalled(): Promise<boolean> {
    return (await this.inspect()).length === 0;
  }

  /** Other triggers whose changes reach no trigger of ours: those that write before a commit. */
  async others(): Promise<readonly string[]> {
    const rows = await this.#shown();
    return rows
      .filter(({ name, selector }) => name !== TRIGGER_NAME && phaseOf(selector) === 'before')
      .map(({ name }) => String(name));
  }

  /** Installs the trigger, or renews it, and waits until it has seen a transaction. */
  async install(): Promise<void> {
    const { statement, digest } = this.#textFor(await this.#own.claim());
    const database = await this.#database();
    await this.#system(
      `CALL apoc.trigger.install($database, $name, $statement, {phase: 'before'}, {}) YIELD name RETURN name`,
      {
        database,
        name: TRIGGER_NAME,
        statement,
      },
    );
    await this.#until(async () => {
      const loaded = await this.#loaded();
      return loaded?.digest === digest && loaded.paused !== true;
    });
    await outlastEarlier(this.#connection, database);
    await this.#warmUp();
  }

  /** So that no user's transaction waits for the trigger to be compiled. */
  async #warmUp(): Promise<void> {
    const id = randomUUID();
    // One transaction of our own, and one as anybody's, which only changes what exists.
    const { metadata } = await this.#own.of({ id, source: 'API', actor: null, session: null, operation: null });
    await this.#connection.write({ metadata }, (tx) => tx.run(`CREATE (:${MARKER_LABEL} {probe: 1})`));
    await this.#connection.write({ metadata: { palinode: { session: id } } }, (tx) =>
      tx.run(`MATCH (p:${MARKER_LABEL}) WHERE p.probe IS NOT NULL SET p.probe = 2`),
    );
    await this.#connection.write({ metadata: await this.#own.housekeeping() }, (tx) =>
      tx.run(
        `MATCH (p:${MARKER_LABEL}) WHERE p.probe IS NOT NULL DELETE p WITH count(*) AS one
         MATCH (o:${OUTBOX_LABEL}) WHERE o._palinode_tx = $id OR o._palinode_whose CONTAINS $id DELETE o`,
        { id },
      ),
    );
  }

  /** Removes the trigger, whosever it is, and waits until it does nothing any more. @throws CaptureError when it runs and cannot be dropped */
  async remove(): Promise<void> {
    const rows = await this.#shownWhereItRuns();
    if (rows?.some(({ name }) => name === TRIGGER_NAME) === true) await this.#drop();
  }

  /**
   * The same of a trigger that asks for a secret with this hash, null for none. What there is then: none; another service's; one that may be
   * installed, and does not run, since triggers are disabled; one that runs, and may not be managed.
   */
  async removeThatOf(secretHash: string | null): Promise<'NONE' | 'ANOTHERS' | 'DISABLED' | 'UNMANAGED'> {
    let rows: readonly Row[] | null;
    try {
      rows = await this.#shownWhereItRuns();
    } catch (error) {
      if (error instanceof CaptureError) return 'UNMANAGED';
      throw error;
    }
    if (rows === null) return 'DISABLED';
    const found = rows.find(({ name }) => name === TRIGGER_NAME);
    if (found === undefined) {
      // It may have been dropped a moment ago.
      await this.#until(async () => (await this.#loaded()) === null);
      return 'NONE';
    }
    if (secretHash === null || !String(found.query).includes(secretHash)) return 'ANOTHERS';
    await this.#drop();
    return 'NONE';
  }

  async #drop(): Promise<void> {
    const database = await this.#database();
    await this.#system('CALL apoc.trigger.drop($database, $name) YIELD name RETURN name', {
      database,
      name: TRIGGER_NAME,
    });
    await this.#until(async () => (await this.#loaded()) === null);
    // Commits that have run it may be under way, and what they leave in the outbox cannot be seen yet.
    await outlastEarlier(this.#connection, database);
  }

  /** Null where no triggers can be seen, and ours does not run. @throws CaptureError when it does */
  async #shownWhereItRuns(): Promise<readonly Row[] | null> {
    try {
      return await this.#shown();
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      const loaded = await this.#loaded().catch((unseen: unknown) => {
        if (isUnavailable(unseen)) return null;
        throw unseen;
      });
      if (loaded === null || loaded.paused === true) return null;
      throw error;
    }
  }

  /** Whether the trigger is installed, runs and is ours. */
  async inspect(): Promise<readonly CaptureFinding[]> {
    // Asked for at the same time, since every point waits for the answers.
    const asked = Promise.all([this.#loaded(), this.#ours()]);
    asked.catch(() => {});
    let rows: readonly Row[];
    try {
      rows = await this.#shown();
    } catch (error) {
      if (error instanceof CaptureError) return [gap('TRIGGER_UNAVAILABLE', error.message)];
      throw error;
    }
    const own = rows.find(({ name }) => name === TRIGGER_NAME);
    if (own === undefined) return [gap('TRIGGER_MISSING', `the trigger ${TRIGGER_NAME} is not installed`)];
    if (own.paused === true) return [gap('TRIGGER_PAUSED', `the trigger ${TRIGGER_NAME} is paused`)];
    const [loaded, ours] = await asked;
    if (ours === null || own.query !== ours.statement || phaseOf(own.selector) !== 'before')
      return [gap('TRIGGER_CHANGED', `the trigger ${TRIGGER_NAME} is not the one that was installed`)];
    // For a while after it was installed, the database may still run the one before.
    if (loaded === null || loaded.paused === true || loaded.digest !== ours.digest)
      return [gap('TRIGGER_NOT_LOADED', `the trigger ${TRIGGER_NAME} is installed, but the database does not run it`)];
    return [];
  }

  /**
   * A trigger that is not ours, or asks for another secret, takes the removal of an entry for a user's and writes it again, for ever. So nothing is
   * removed while there is one; without any, nothing is written again.
   * @throws CaptureError
   */
  async assertRemovable(): Promise<void> {
    const loaded = await this.#loaded().catch((error: unknown) => {
      if (isUnavailable(error)) return null;
      throw error;
    });
    this.#assertAsks(loaded, await this.#own.secretHash());
  }

  /** See `Capture`. */
  async assertBelieved(on: Statements, secretHash: string | null): Promise<void> {
    this.#assertAsks(await this.#loaded(on), secretHash);
  }

  /** @throws CaptureError when a trigger runs that is not ours, or asks for another secret */
  #assertAsks(loaded: Row | null, secretHash: string | null): void {
    if (loaded === null || loaded.paused === true) return;
    if (secretHash !== null && loaded.digest === this.#textFor(secretHash).digest) return;
    throw new CaptureError(
      `the trigger ${TRIGGER_NAME} of graph ${this.#graph} is not the one that was installed: verifyGraph installs it again`,
      'CONTINUOUS',
    );
  }

  /** Null while there is no secret, so no trigger that would be ours. */
  async #ours(): Promise<Text | null> {
    const secretHash = await this.#own.secretHash();
    return secretHash === null ? null : this.#textFor(secretHash);
  }

  #textFor(secretHash: string): Text {
    if (this.#text?.secretHash === secretHash) return this.#text;
    const statement = this.#statementFor(secretHash);
    this.#text = { secretHash, statement, digest: hash('sha256', statement) };
    return this.#text;
  }

  /** As the system database knows them. @throws CaptureError */
  async #shown(): Promise<readonly Row[]> {
    const database = await this.#database();
    try {
      return await this.#system('CALL apoc.trigger.show($database) YIELD name, query, selector, paused RETURN *', {
        database,
      });
    } catch (error) {
      if (!(error instanceof Neo4jError)) throw error;
      if (isDisabled(error)) throw this.#refusal('set apoc.trigger.enabled=true in apoc.conf and restart Neo4j');
      if (error.code === NOT_FOUND)
        throw this.#refusal('put the APOC plugin (5.26 or later) in the plugins folder and restart Neo4j');
      if (error.code.startsWith('Neo.ClientError.Security.'))
        throw this.#refusal(
          `the user may not manage triggers: grant it the admin role, or EXECUTE PROCEDURE apoc.trigger.* on the database system (${error.message})`,
        );
      if (error.code === 'Neo.ClientError.Procedure.ProcedureRegistrationFailed')
        throw this.#refusal('set dbms.security.procedures.unrestricted=apoc.* in neo4j.conf and restart Neo4j');
      throw error;
    }
  }

  /** As the database itself runs it; of its statement, the SHA-256. */
  async #loaded(on: Statements = { run: (text, params) => this.#connection.read(text, params) }): Promise<Row | null> {
    const [row] = await on.run(
      'CALL apoc.trigger.list() YIELD name, query, paused WHERE name = $name RETURN apoc.util.sha256([query]) AS digest, paused',
      { name: TRIGGER_NAME },
    );
    return row ?? null;
  }

  async #until(isSo: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await isSo())) {
      if (Date.now() > deadline)
        throw this.#refusal('the trigger does not take effect: apoc.trigger.refresh in apoc.conf is too long');
      await sleep(LOOK_AGAIN_MS);
    }
  }

  #system(text: string, params: Readonly<Record<string, unknown>>): Promise<Row[]> {
    return this.#connection.command(text, params, SYSTEM);
  }

  async #database(): Promise<string> {
    if (this.#name !== null) return this.#name;
    const [row] = await this.#connection.read('CALL db.info() YIELD name RETURN name');
    this.#name = String(row?.name);
    return this.#name;
  }

  #refusal(advice: string): CaptureError {
    return new CaptureError(`graph ${this.#graph} cannot be captured: ${advice}`, 'OFF');
  }
}
