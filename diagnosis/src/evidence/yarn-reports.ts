import { fields, list, number, text, type Fields } from '../eventlog/json-fields.js';
import type { YarnObservation } from '../observation.js';

const QUOTE = 2000;
/** Text about one container, from the NodeManager or `yarn container -status`. */
const CONTAINER = /\bcontainer(?:ID=| )?(?::\s*)?\[?(?:[^\]\n]*containerID=)?(container_[\w]+)/i;
const FIELD = /^\s*([A-Z][\w-]*(?: [A-Z][\w-]*)*)\s*:\s?(.*)$/;
/** Reports about the end of a container; everything else in a log of YARN is irrelevant. */
const TELLING =
  /running beyond|exceeding (?:physical |virtual )?memory limits|[Ee]xit (?:code|status)(?: is)?:? ?-?\d+|exitCode:? ?-?\d+|preempted|local-dirs? (?:are|usable)|lost node|Max number of executor failures/;

/**
 * Reads YARN's reports: the text of `yarn application -status`, of `yarn container -status` and of diagnostics in logs,
 * or the JSON of the ResourceManager's REST API (`{app}`, `{apps: {app: []}}`).
 */
export function readYarnText(content: string, ref: string): YarnObservation[] {
  const lines = content.split(/\r?\n/);
  const found: YarnObservation[] = [];
  let report: Report | null = null;
  lines.forEach((line, index) => {
    const field = FIELD.exec(line);
    if (/^\s*(?:Application|Container|ApplicationAttempt) Report/i.test(line)) {
      if (report) found.push(report.observation());
      report = new Report(`${ref}:${index + 1}`);
    } else if (report && (field || report.inDiagnostics)) {
      // Diagnostics span many lines, until another field of the report follows.
      report.add(field && REPORT_FIELDS.has(field[1]!) ? field : null, line);
    } else if (!report && TELLING.test(line)) {
      found.push(loose(line, `${ref}:${index + 1}`));
    }
  });
  if (report) found.push((report as Report).observation());
  return found;
}

/** The same from the REST API. */
export function readYarnJson(object: Fields, ref: string): YarnObservation[] {
  const app = fields(object['app']);
  const apps = list(fields(object['apps']) ?? {}, 'app').map(fields);
  const container = fields(object['container']);
  return [app, ...apps, container, ...(text(object, 'diagnostics') === null ? [] : [object])]
    .filter(one => one !== null)
    .map(one => {
      const id = text(one, 'id') ?? text(one, 'applicationId');
      const own = id?.startsWith('container_') ? id : text(one, 'containerId');
      const exit = number(one, 'exitCode') ?? number(one, 'containerExitStatus');
      const diagnostics = text(one, 'diagnostics') ?? text(one, 'diagnosticsInfo') ?? '';
      return {
        kind: 'yarn',
        application: id?.startsWith('application_') ? id : null,
        container: own ?? null,
        state: text(one, 'finalStatus') === 'FAILED' ? 'FAILED' : text(one, 'state'),
        diagnostics: (exit === null ? diagnostics : `Exit status: ${exit}. ${diagnostics}`).slice(
          0,
          QUOTE
        ),
        at: number(one, 'finishedTime') || null,
        ref
      };
    });
}

const REPORT_FIELDS: ReadonlySet<string> = new Set([
  'Application-Id',
  'Application-Name',
  'Application-Type',
  'User',
  'Queue',
  'Application Priority',
  'Start-Time',
  'Launch-Time',
  'Finish-Time',
  'Progress',
  'State',
  'Final-State',
  'Tracking-URL',
  'RPC Port',
  'AM Host',
  'Aggregate Resource Allocation',
  'Aggregate Resource Preempted',
  'Log Aggregation Status',
  'Diagnostics',
  'Unmanaged Application',
  'Container-Id',
  'Assigned Node',
  'LOG-URL',
  'Host',
  'NodeHttpAddress',
  'ExitStatus',
  'Exit-Status'
]);

class Report {
  readonly #fields = new Map<string, string>();
  readonly #ref: string;
  inDiagnostics = false;

  constructor(ref: string) {
    this.#ref = ref;
  }

  add(field: RegExpExecArray | null, line: string): void {
    if (field) {
      this.inDiagnostics = field[1] === 'Diagnostics';
      this.#fields.set(field[1]!, field[2]!.trim());
    } else if (this.inDiagnostics) {
      const before = this.#fields.get('Diagnostics') ?? '';
      if (before.length < QUOTE) this.#fields.set('Diagnostics', `${before}\n${line}`);
    }
  }

  observation(): YarnObservation {
    const diagnostics = this.#fields.get('Diagnostics')?.trim() ?? '';
    const finish = Number(this.#fields.get('Finish-Time') ?? 0);
    const exit = this.#fields.get('ExitStatus') ?? this.#fields.get('Exit-Status');
    const failed = this.#fields.get('Final-State') === 'FAILED';
    return {
      kind: 'yarn',
      application: this.#fields.get('Application-Id') ?? null,
      container: this.#fields.get('Container-Id') ?? null,
      state: failed ? 'FAILED' : (this.#fields.get('State') ?? null),
      diagnostics: (exit ? `Exit status: ${exit}. ${diagnostics}` : diagnostics).slice(0, QUOTE),
      at: Number.isFinite(finish) && finish > 0 ? finish : null,
      ref: this.#ref
    };
  }
}

function loose(line: string, ref: string): YarnObservation {
  const container = CONTAINER.exec(line)?.[1] ?? null;
  const application = /\bapplication_\d+_\d+\b/.exec(line)?.[0] ?? null;
  return {
    kind: 'yarn',
    application: application ?? applicationOf(container),
    container,
    state: null,
    diagnostics: line.trim().slice(0, QUOTE),
    at: null,
    ref
  };
}

/** A container's id contains the id of its application: container_e17_1410901177871_0001_01_000005. */
export function applicationOf(container: string | null): string | null {
  const parts = /^container_(?:e\d+_)?(\d+_\d+)_\d+_\d+$/.exec(container ?? '');
  return parts ? `application_${parts[1]}` : null;
}

/** The ApplicationMaster, which is the driver in cluster mode, runs in the first container. */
export function isMaster(container: string | null): boolean {
  return /_0*1$/.test(container ?? '');
}
