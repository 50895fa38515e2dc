import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { reportJsonSchema } from './dist/index.js';

// npm run schema -w protocol, whenever a schema in the report has changed: a test asks for it.
const file = join(import.meta.dirname, 'report.schema.json');
const options = await resolveConfig(file);
writeFileSync(
  file,
  await format(JSON.stringify(reportJsonSchema()), { ...options, filepath: file })
);
