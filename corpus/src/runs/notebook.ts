import { readFile } from 'node:fs/promises';
import { readClientJson, readClientText } from '@aglais/diagnosis';

/** Maximum length of an exception in the table. */
const MAX_CHARACTERS = 700;

/** What the user saw in the notebook: the beginning of each exception, as recorded by the client. */
export async function notebookErrors(file: string): Promise<string[]> {
  const content = await readFile(file, 'utf8');
  const exceptions = file.endsWith('.json')
    ? readClientJson(JSON.parse(content) as Record<string, unknown>, file)
    : readClientText(content, file);
  const errors = exceptions.map(({ name, message }) => `${shortName(name)}: ${head(message)}`);
  return [...new Set(errors)];
}

function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** Without the Java stack trace. */
export function head(message: string): string {
  // Some clients print details before the message of the exception.
  const own = message.split(/^-+ str\(e\)$/m).at(-1)!;
  const text = own
    .split(/\n\s*at [\w.$/]+\(|Driver stacktrace:|JVM stacktrace:/, 1)[0]!
    .replace(/\s+/g, ' ')
    .trim();
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS - 1)}…` : text;
}
