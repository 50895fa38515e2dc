/**
 * The lines of a hash-checked requirements file (pip's format) for some packages and one version of Python.
 * @param text a whole requirements.txt
 * @param names packages, as they are written there
 * @param python minor version of Python 3
 * @throws Error if a package is not in the file
 */
export function requirementsOf(text: string, names: readonly string[], python: number): string {
  const entries = text
    .split(/\n(?=\S)/)
    .filter(entry => /^[A-Za-z0-9._-]+==/.test(entry))
    .map(entry => entry.trimEnd());
  return names
    .map(name => {
      const found = entries.find(
        entry => entry.startsWith(`${name}==`) && appliesTo(entry, python)
      );
      if (!found) throw new Error(`${name} is not in the list of Python packages.`);
      return `${found}\n`;
    })
    .join('');
}

/** Whether an entry applies to Linux with this Python; supports only the markers in our file (PEP 508). */
function appliesTo(entry: string, python: number): boolean {
  const marker = /^[^\\\n]*;([^\\\n]*)/.exec(entry)?.[1] ?? '';
  const version = /python_(?:full_)?version (<|>=) '3\.(\d+)/.exec(marker);
  if (/sys_platform == '(win32|darwin)'/.test(marker)) return false;
  if (!version) return true;
  return version[1] === '<' ? python < Number(version[2]) : python >= Number(version[2]);
}
