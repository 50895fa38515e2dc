import { readFile } from 'node:fs/promises';
import { readClientJson, readClientText } from '@aglais/diagnosis';

/** As much of an exception as fits into a row. */
const MOST = 700;

/** What a person saw in the notebook: the beginning of each exception, as the client kept it. */
export async function notebookWords(file: string): Promise<string[]> {
  const content = await readFile(file, 'utf8');
  const exceptions = file.endsWith('.json')
    ? readClientJson(JSON.parse(content) as Record<string, unknown>, file)
    : readClientText(content, file);
  const words = exceptions.map(({ name, message }) => `${shortName(name)}: ${head(message)}`);
  return [...new Set(words)];
}

function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** Without Java's stack, which nobody reads. */
export function head(message: string): string {
  // Some clients print what they know of the exception before its own words.
  const own = message.split(/^-+ str\(e\)$/m).at(-1)!;
  const words = own
    .split(/\n\s*at [\w.$/]+\(|Driver stacktrace:|JVM stacktrace:/, 1)[0]!
    .replace(/\s+/g, ' ')
    .trim();
  return words.length > MOST ? `${words.slice(0, MOST - 1)}…` : words;
}
