import { pino, type Logger } from 'pino';
import { redact } from './redaction.js';

/**
 * The server's log, one JSON object per line. Every line is redacted as a whole: a secret may be in a message, in an
 * error's stack, or in a property that a library adds to its errors.
 * @param secrets values that are redacted wherever they occur
 */
export function openLog(
  level: string,
  secrets: readonly string[] = [],
  write: (line: string) => void = line => void process.stdout.write(line)
): Logger {
  return pino({ level }, { write: line => write(redact(line, secrets)) });
}
