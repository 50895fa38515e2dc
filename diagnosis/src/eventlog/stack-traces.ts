/** The root error of a stack trace, and its line in the user's code. */
export interface Root {
  /** The class of the root exception. */
  name: string;
  /** Its message, one line. */
  summary: string;
  /** The line of the user's code, as `line 3 in f (<string>)` or `Main.scala:12 in com.me.Main.f`. */
  where: string | null;
}

const TRACEBACK = 'Traceback (most recent call last)';
/** Frames of Python that are not the user's: Spark, libraries, and the interpreter. */
const NOT_USERS =
  /[/\\](?:pyspark|py4j|cloudpickle)(?:\.zip)?[/\\]|(?:site|dist)-packages[/\\]|[/\\]lib[/\\]python\d|<frozen |[/\\]runpy\.py/;
/** Packages whose frames are not the user's. */
const NOT_USERS_CLASS =
  /^(?:java|javax|jdk|sun|com\.sun|scala|kotlin|org\.apache|org\.sparkproject|org\.codehaus|org\.eclipse|io\.netty|io\.grpc|net\.jpountz|com\.github\.luben|com\.fasterxml|com\.esotericsoftware|com\.google|com\.databricks|com\.amazonaws|software\.amazon|py4j)\b/;
const SUMMARY = 300;

/**
 * The root error of a failed task: of a Python error the last line of its last traceback, of a Java error the last
 * `Caused by:`.
 * @param name the class of the exception as Spark names it
 * @param trace class, description and frames, as in `Full Stack Trace`
 */
export function rootOf(name: string, description: string, trace: string): Root {
  const text = trace === '' ? description : trace;
  return (text.includes(TRACEBACK) ? pythonRoot(text) : null) ?? javaRoot(name, description, text);
}

function pythonRoot(text: string): Root | null {
  // Chained exceptions follow each other: the last traceback is the uncaught one.
  const own = text.slice(text.lastIndexOf(TRACEBACK)).split(/\n\s*(?:\tat |at org\.)/, 1)[0]!;
  const lines = own.split('\n').map(line => line.replace(/\r$/, ''));
  let where: string | null = null;
  let thrown: string | null = null;
  lines.forEach((line, index) => {
    const frame = /^\s+File "([^"]*)", line (\d+)(?:, in (.*))?$/.exec(line);
    if (frame) {
      if (NOT_USERS.test(frame[1]!)) return;
      const within = frame[3] && frame[3] !== '<module>' ? ` in ${frame[3]}` : '';
      const code = lines[index + 1]?.trim() ?? '';
      const shown = /^\s{4,}\S/.test(lines[index + 1] ?? '') && !/^File "/.test(code);
      where = `line ${frame[2]}${within} (${frame[1]})${shown ? `: ${code.slice(0, 120)}` : ''}`;
    } else if (thrown === null && index > 0 && /^[A-Za-z_][\w.]*(?::|$)/.test(line)) {
      thrown = line;
    }
  });
  if (thrown === null) return null;
  return {
    name: (thrown as string).split(':', 1)[0]!,
    summary: (thrown as string).slice(0, SUMMARY),
    where
  };
}

function javaRoot(name: string, description: string, text: string): Root {
  const causes = [...text.matchAll(/^\s*Caused by: ([\w.$]+)(?:: ([^\n]*))?/gm)];
  const last = causes.at(-1);
  const frames = text.slice(last?.index ?? 0);
  const root = last?.[1] ?? name;
  const said = (last ? last[2] : description.split('\n', 1)[0]) ?? '';
  return {
    name: root,
    summary: (said === '' ? root : `${root}: ${said}`).slice(0, SUMMARY),
    where: contextOf(text) ?? frameOf(frames) ?? frameOf(text)
  };
}

/** Spark's query context: `== SQL (line 1, position 8) ==` or `== DataFrame ==` and its call site. */
function contextOf(text: string): string | null {
  const sql = /^== SQL(?: of [^(]*)? ?\(line (\d+), position (\d+)\) ==\n([^\n]*)/m.exec(text);
  if (sql) return `line ${sql[1]}, position ${sql[2]} of the SQL text: ${sql[3]!.trim()}`;
  const frame = /^== DataFrame ==\n("[^\n]*" was called from)\n([^\n]+)/m.exec(text);
  return frame ? `${frame[1]} ${frame[2]!.trim()}` : null;
}

function frameOf(text: string): string | null {
  for (const frame of text.matchAll(/^\s*at ([\w.$/<>-]+)\(([\w.$-]+):(\d+)\)/gm)) {
    const method = frame[1]!.replace(/^.*\//, '');
    // Generated code and lambdas of Spark have no line that the user could open.
    if (NOT_USERS_CLASS.test(method) || /GeneratedClass/.test(method)) continue;
    return `${frame[2]}:${frame[3]} in ${method}`;
  }
  return null;
}
