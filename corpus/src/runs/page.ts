import { formatDuration, plural } from '@aglais/diagnosis';
import type { Cost, Finding } from '@aglais/protocol';
import type { Said } from './ask-command.js';

/** A run, what the notebook got, and what we say. */
export interface PageRun {
  name: string;
  happened: string;
  /** Exceptions; null if nobody kept what the notebook got. */
  notebook: string[] | null;
  log: string;
  /** Options of the command with the files that they were given. */
  evidence: { option: string; path: string }[];
  said: Said;
}

const OPENING = `# Real runs, and what we say of them

Runs of Spark that went wrong on purpose, and some that did not: what happened, what the person in the notebook got to
see, and what \`aglais diagnose\` says with the event log alone. Where other evidence beside the log changes
what it says, that comes after _with_.

This page is made by \`npm run corpus:table\`: what happened is known from those who made the runs (\`corpus/runs.json\`), the
exceptions are what the client got, and all else is what the command said.`;

/** The page as Markdown: a table, and below it each finding word for word. */
export function pageOf(runs: readonly PageRun[]): string {
  return [
    OPENING,
    table(runs),
    '## Word for word',
    ...runs.map(section).filter(text => text !== '')
  ].join('\n\n');
}

function table(runs: readonly PageRun[]): string {
  const rows = runs.map(({ name, happened, notebook, said }) => [
    `\`${name}\``,
    escaped(happened),
    notebookCell(notebook),
    saidCell(said)
  ]);
  return [
    '| run | what happened | what the notebook said | what Aglais says |',
    '| --- | --- | --- | --- |',
    ...rows.map(cells => `| ${cells.join(' | ')} |`)
  ].join('\n');
}

function notebookCell(words: readonly string[] | null): string {
  if (words === null) return 'not kept';
  return words.length === 0 ? 'nothing' : words.map(escaped).join('<br>');
}

function saidCell({ alone, beside, decisive }: Said): string {
  const short = alone.length === 0 ? 'nothing wrong' : alone.map(shortly).join('<br>');
  if (beside === null) return short;
  return `${short}<br>_with ${optionWords(decisive)}:_ ${beside.map(shortly).join('<br>')}`;
}

function shortly({ title, code, severity, confidence }: Finding): string {
  return `**${escaped(title)}** (\`${code}\`, ${severity}, ${confidence})`;
}

function section({ name, log, evidence, said }: PageRun): string {
  if (said.alone.length === 0 && said.beside === null) return '';
  const parts = [`### ${name}`, `\`aglais diagnose ${log}\``, ...said.alone.map(wordForWord)];
  if (said.beside !== null) {
    const more = evidence
      .filter(({ option }) => said.decisive.includes(option))
      .map(({ option, path }) => `--${option} ${path}`);
    parts.push(
      `\`aglais diagnose ${[log, ...more.slice(0, 3)].join(' ')}${more.length > 3 ? ' …' : ''}\``
    );
    parts.push(...said.beside.map(wordForWord));
  }
  return parts.join('\n\n');
}

function wordForWord(finding: Finding): string {
  const { title, explanation, effects, advice } = finding;
  const cost = finding.cost ? costWords(finding.cost) : null;
  const conf = (one: Finding['advice'][number]): string =>
    one.action === 'set'
      ? Object.entries(one.conf)
          .map(([key, value]) => ` \`${key}=${value}\``)
          .join('')
      : '';
  return [
    `**${escaped(title)}.** ${escaped(explanation)}`,
    [
      ...effects.map(effect => `- ${escaped(effect)}`),
      ...advice.map(one => `- Advice: ${escaped(one.sentence)}${conf(one)}`),
      ...(cost === null ? [] : [`- Cost: ${cost}`]),
      `- \`${finding.code}\`, ${finding.severity}, ${finding.confidence}`
    ].join('\n')
  ].join('\n\n');
}

/** Null if nothing was lost but time that is not known. */
function costWords({ taskMs, recomputedTasks, wallMs, estimated }: Cost): string | null {
  const parts = [
    ...(taskMs > 0 ? [`${formatDuration(taskMs)} of task time lost`] : []),
    ...(recomputedTasks > 0 ? [`${plural(recomputedTasks, 'task')} ran again`] : []),
    ...(wallMs > 0 ? [`held up for about ${formatDuration(wallMs)}`] : [])
  ];
  return parts.length === 0 ? null : `${parts.join(', ')}${estimated ? ' (estimated)' : ''}`;
}

function optionWords(options: readonly string[]): string {
  return options.map(option => `--${option}`).join(' or ');
}

/** Text of others in a line or a cell of a table, of which nothing is markup. */
export function escaped(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]<>|~&]/g, '\\$&');
}
