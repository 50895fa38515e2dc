import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { reportJsonSchema } from './dist/index.js';

// npm run schema -w protocol, after changing a schema of the report; a test checks this.
const file = join(import.meta.dirname, 'report.schema.json');
const options = await resolveConfig(file);
writeFileSync(
  file,
  await format(JSON.stringify(reportJsonSchema()), { ...options, filepath: file })
);
