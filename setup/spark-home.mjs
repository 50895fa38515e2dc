import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkout, python, sparkHome } from './paths.mjs';
import { SetupError } from './steps.mjs';
import { chosenJava, output } from './tools.mjs';

const scripts = join(checkout, 'interpreters', 'spark');
/** Janino, which is part of Spark: it compiles without a JDK. */
const COMPILER = 'org.codehaus.commons.compiler.samples.CompilerDemo';

/**
 * Creates the SPARK_HOME of clusters: PySpark's jars and our listener in one directory, because class-data archives
 * need the same class path in driver and executors, and a `work` directory that belongs to us.
 */
export async function makeSparkHome({ run }) {
  const pyspark = output(python, [
    '-c',
    'import os, pyspark; print(os.path.dirname(pyspark.__file__))'
  ]);
  if (!pyspark)
    throw new SetupError('PySpark is not in the virtual environment; delete .venv and try again.');
  rmSync(sparkHome, { recursive: true, force: true });
  for (const folder of ['jars', 'conf', 'work', 'executor/bin'])
    mkdirSync(join(sparkHome, folder), { recursive: true });
  for (const jar of readdirSync(join(pyspark, 'jars')).filter(name => name.endsWith('.jar'))) {
    symlinkSync(join(pyspark, 'jars', jar), join(sparkHome, 'jars', jar));
  }
  for (const folder of ['bin', 'python'])
    symlinkSync(join(pyspark, folder), join(sparkHome, folder));
  // Spark starts executors with $JAVA_HOME/bin/java.
  symlinkSync(join(scripts, 'executor-java.sh'), join(sparkHome, 'executor', 'bin', 'java'));
  const jars = readdirSync(join(sparkHome, 'jars')).map(name => join(sparkHome, 'jars', name));
  const sources = readdirSync(join(scripts, 'src', 'aglais')).map(name =>
    join(scripts, 'src', 'aglais', name)
  );
  const classes = mkdtempSync(join(tmpdir(), 'aglais-classes-'));
  try {
    const path = jars.join(':');
    await run(chosenJava(), ['-cp', path, COMPILER, '-d', classes, '-classpath', path, ...sources]);
    await run(python, [
      '-m',
      'zipfile',
      '-c',
      join(sparkHome, 'jars', 'aglais.jar'),
      join(classes, 'aglais')
    ]);
  } finally {
    rmSync(classes, { recursive: true, force: true });
  }
}
